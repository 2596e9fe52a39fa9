import assert from "node:assert/strict";
import { test } from "node:test";
import { addLive, addNewer, addOlder, openLog } from "./log";
import { backwards, bob, edited, page, said } from "./samples";
import { repliesTo } from "./threads";
import type { Entry } from "./types";

const reply = (seq: number, change = {}): Entry =>
  said(seq, { thread: "m1", reply_to: "m1", author: bob, ...change });
const gone = (seq: number, target: number): Entry => ({
  ...said(target, { thread: "m1", deleted: true, text: "" }),
  seq,
  kind: "delete",
});
const base = (count: number, as_of: number) => ({
  replies: { count, as_of, last_at: "2026-01-01T00:00:00.000Z", users: [bob] },
});
const countIn = (log: ReturnType<typeof openLog>): number | undefined => {
  const root = log.rows.find((row) => row.message?.id === "m1")?.message;
  return root ? repliesTo(root, log.rows)?.count : undefined;
};

test("replies are counted as they come, each once, and not once they are deleted", () => {
  let log = openLog(backwards([said(1)]));
  assert.equal(countIn(log), undefined);
  log = addLive(log, [reply(2), reply(3), reply(3)]);
  assert.equal(countIn(log), 2);
  log = addLive(log, [gone(4, 2), gone(4, 2)]);
  assert.equal(countIn(log), 1);
});

test("what the server counted is not counted again, and less what was deleted since", () => {
  let log = openLog(backwards([said(1, base(2, 3)), reply(2), reply(3)]));
  assert.equal(countIn(log), 2);
  log = addNewer(log, page([reply(4, { deleted: true }), gone(5, 2), gone(6, 4)]), 3);
  assert.equal(countIn(log), 1);
});

test("an event about the first message, which has no count, leaves it", () => {
  let log = openLog(backwards([said(1, base(2, 3)), reply(2), reply(3)]));
  log = addLive(log, [edited(4, 1, "other"), reply(5)]);
  assert.equal(log.rows[0]?.message?.text, "other");
  assert.equal(countIn(log), 3);
});

test("a first message that is loaded later has its own count, though something was heard of it before", () => {
  let log = openLog(backwards([reply(8)], { has_more: true, through: 8 }));
  log = addLive(log, [edited(9, 1, "other"), reply(10)]);
  log = addOlder(log, backwards([said(1, base(5, 9))], { last_seq: 8 }), log.from);
  assert.equal(log.rows[0]?.message?.text, "other");
  assert.equal(countIn(log), 6);
});
