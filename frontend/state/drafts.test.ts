import assert from "node:assert/strict";
import test from "node:test";
import { readDraft, writeDraft } from "./drafts";
import { memoryStore } from "./samples";

test("a draft is kept per person and chat", () => {
  const store = memoryStore();
  writeDraft(store, "u1", "c1", "half a thought");
  assert.equal(readDraft(store, "u1", "c1"), "half a thought");
  assert.equal(readDraft(store, "u2", "c1"), "");
  assert.equal(readDraft(store, "u1", "c2"), "");
});

test("a blank draft leaves nothing behind", () => {
  const store = memoryStore();
  writeDraft(store, "u1", "c1", "x");
  writeDraft(store, "u1", "c1", "  \n");
  assert.deepEqual(Object.keys(store), []);
});
