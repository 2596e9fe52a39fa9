import assert from "node:assert/strict";
import test from "node:test";
import { changed, confirmedIn, forget, keep, type Pending, readOutbox } from "./outbox";
import { ada, bob, memoryStore, said } from "./samples";

function pending(id: string, created_at = "2026-11-22T10:00:00Z"): Pending {
  const fixed = { attachments: [], reply_to: null, error: null, passing: false, state: "sending" as const };
  return { client_id: id, chat_id: "c1", text: "hello", created_at, ...fixed };
}

test("messages on their way survive a reload, oldest first", () => {
  const store = memoryStore();
  keep(store, "u1", pending("late", "2026-11-22T10:00:05Z"));
  keep(store, "u1", pending("soon", "2026-11-22T10:00:01Z"));
  assert.deepEqual(
    readOutbox(store, "u1").map((each) => each.client_id),
    ["soon", "late"],
  );
});

test("another person on this browser does not get them", () => {
  const store = memoryStore();
  keep(store, "u1", pending("x"));
  assert.deepEqual(readOutbox(store, "u2"), []);
});

test("a confirmed message is forgotten", () => {
  const store = memoryStore();
  keep(store, "u1", pending("x"));
  forget(store, "u1", "x");
  assert.deepEqual(readOutbox(store, "u1"), []);
});

test("a damaged entry is dropped and the others stay", () => {
  const store = memoryStore();
  keep(store, "u1", pending("good"));
  store.setItem("infitalks.outbox.u1.bad", "{");
  store.setItem("infitalks.outbox.u1.worse", '{"text": 5}');
  assert.equal(readOutbox(store, "u1").length, 1);
  assert.equal(Object.keys(store).length, 1);
});

test("only one's own messages confirm what one sent", () => {
  const entries = [said(1, { client_id: "x" }), said(2, { client_id: "y", author: bob })];
  assert.deepEqual(confirmedIn(entries, ada.id), ["x"]);
});

test("a change touches one message alone", () => {
  const list = changed([pending("a"), pending("b")], "b", { state: "failed" });
  assert.deepEqual(
    list.map((each) => each.state),
    ["sending", "failed"],
  );
});
