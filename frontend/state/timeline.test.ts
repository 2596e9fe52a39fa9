import assert from "node:assert/strict";
import test from "node:test";
import { openLog } from "./log";
import type { Pending } from "./outbox";
import { ada, aside, backwards, bob, joined, said } from "./samples";
import { type Item, placed, timeline, type View } from "./timeline";

const view: View = { userId: ada.id, newAfter: null, dayOf: (at) => at.slice(0, 10) };
const rows = (...entries: Parameters<typeof backwards>[0]) => openLog(backwards(entries)).rows;
const heads = (items: Item[]) => items.map((item) => ("head" in item ? item.head : item.kind));

function pending(id: string): Pending {
  const fixed = { attachments: [], reply_to: null, error: null, passing: false, state: "sending" as const };
  return { client_id: id, chat_id: "c1", text: "x", created_at: "2026-11-22T10:00:30Z", ...fixed };
}

test("messages of one author within five minutes share one head", () => {
  const late = { created_at: "2026-11-22T10:20:00.000Z" };
  const items = timeline(
    rows(said(1), said(2), said(3, { author: bob }), said(4, { author: bob, ...late })),
    [],
    view,
  );
  assert.deepEqual(heads(items), ["day", true, false, true, true]);
});

test("a note between messages splits them", () => {
  assert.deepEqual(heads(timeline(rows(said(1), joined(2), said(3)), [], view)), ["day", true, "note", true]);
});

test("each day starts with its name", () => {
  const items = timeline(rows(said(1), said(2, { created_at: "2026-11-23T09:00:00Z" })), [], view);
  assert.deepEqual(
    items.map((item) => item.kind),
    ["day", "message", "day", "message"],
  );
});

test("the New line stands before the first unread row, once", () => {
  const items = timeline(rows(said(1), said(2), said(3)), [], { ...view, newAfter: 1 });
  assert.deepEqual(
    items.map((item) => item.kind),
    ["day", "message", "new", "message", "message"],
  );
});

test("a message keeps its key when it is confirmed", () => {
  const before = timeline(rows(said(1)), [pending("client-2")], view).at(-1);
  const after = timeline(rows(said(1), said(2)), [], view).at(-1);
  assert.equal(before?.kind, "pending");
  assert.equal(after?.kind, "message");
  assert.equal(before?.key, after?.key);
});

test("a message that is both on its way and confirmed is shown once", () => {
  const items = timeline(rows(said(1), said(2)), [pending("client-2")], view);
  assert.equal(items.filter((item) => item.kind === "pending").length, 0);
});

test("names that a webhook shows do not run into one head", () => {
  const via = (name: string) => ({ via: { name, icon_url: null, icon_emoji: null } });
  assert.deepEqual(heads(timeline(rows(said(1, via("CI")), said(2, via("Sentry"))), [], view)), [
    "day",
    true,
    true,
  ]);
});

const keys = (items: Item[]) => items.filter((item) => item.kind !== "day").map(({ key }) => key);

test("a word to the reader alone stands after what was there when it was said, and before what is on its way", () => {
  const items = timeline(rows(said(1), said(2), said(3)), [pending("new")], { ...view, userId: bob.id }, [
    aside(2),
    aside(2, { id: "again" }),
    aside(3),
  ]);
  assert.deepEqual(keys(items), [
    "seq-1",
    "seq-2",
    "aside-e2",
    "aside-again",
    "seq-3",
    "aside-e3",
    "mine-new",
  ]);
});

test("a word to the reader alone begins no second day and no New line", () => {
  const next = { created_at: "2026-11-23T09:00:00Z" };
  const after = aside(1, { at: "2026-11-23T08:00:00Z" });
  const kinds = (asides = [after]) =>
    timeline(rows(said(1), said(2, next)), [], { ...view, newAfter: 1 }, asides).map((item) => item.kind);
  assert.deepEqual(kinds(), ["day", "message", "day", "aside", "new", "message"]);
  assert.deepEqual(kinds([]), ["day", "message", "day", "new", "message"]);
});

test("a word to the reader alone belongs to no head, and what follows it says again whose it is", () => {
  assert.deepEqual(heads(timeline(rows(said(1), said(2)), [], view, [aside(1)])), [
    "day",
    true,
    "aside",
    true,
  ]);
});

test("a word to the reader alone waits for its place to be loaded", () => {
  const loaded = openLog(backwards([said(5), said(6)], { has_more: true }));
  const ids = (log = loaded) => placed([aside(4), aside(5), aside(9)], log).map(({ id }) => id);
  assert.deepEqual(ids(), ["e5", "e9"]);
  assert.deepEqual(ids({ ...loaded, past: true }), ["e5"]);
});
