import assert from "node:assert/strict";
import test from "node:test";
import { bringBack, dismiss, newlySaid, saidIn, takeList, unsaid } from "./ephemerals";
import { aside } from "./samples";

const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

test("the list is what the server told last, and an answer asked for earlier changes nothing", () => {
  const later = takeList(unsaid, [aside(2)], 5);
  assert.deepEqual(ids(takeList(later, [aside(1)], 4).list), ["e2"]);
  assert.deepEqual(ids(takeList(later, [], 6).list), []);
});

test("what was dismissed stays away although an answer still has it, and is back where that failed", () => {
  const gone = takeList(dismiss(takeList(unsaid, [aside(1)], 1), "e1"), [aside(1), aside(2)], 2);
  assert.deepEqual(ids(saidIn(gone, "c1")), ["e2"]);
  assert.deepEqual(ids(saidIn(bringBack(gone, "e1"), "c1")), ["e1", "e2"]);
});

test("a chat shows its own, by their place and then by time", () => {
  const late = aside(3, { id: "late", at: "2026-11-23T00:00:00Z" });
  const last = aside(4, { at: "2026-11-21T00:00:00Z" });
  const now = takeList(unsaid, [last, late, aside(3), aside(1), aside(2, { chat_id: "c2" })], 1);
  assert.deepEqual(ids(saidIn(now, "c1")), ["e1", "e3", "late", "e4"]);
});

test("new is what was not there or said otherwise, in this chat", () => {
  const before = takeList(unsaid, [aside(1), aside(2)], 1);
  const now = takeList(
    before,
    [aside(1), aside(2, { text: "other" }), aside(3), aside(4, { chat_id: "c2" })],
    2,
  );
  assert.deepEqual(ids(newlySaid(before, now, "c1")), ["e2", "e3"]);
  assert.deepEqual(newlySaid(now, takeList(now, [], 3), "c1"), []);
});
