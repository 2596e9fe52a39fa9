import assert from "node:assert/strict";
import test from "node:test";
import { readDraft, type Store, writeDraft } from "./drafts";

export function memoryStore(): Store & { map: Map<string, string> } {
  const map = new Map<string, string>();
  return {
    map,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
  };
}

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
  assert.equal(store.map.size, 0);
});
