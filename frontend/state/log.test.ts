import assert from "node:assert/strict";
import test from "node:test";
import {
  addLive,
  addNamed,
  addNewer,
  addOlder,
  type ChatLog,
  heardOf,
  keepAround,
  messageIn,
  nextStep,
  openLog,
  patchMessage,
  setAside,
  trim,
} from "./log";
import { backwards, edited, joined, message, page, said } from "./samples";

const seqs = (log: ChatLog) => log.rows.map((row) => row.seq);
const textAt = (log: ChatLog, seq: number) => log.rows.find((row) => row.seq === seq)?.message?.text;

test("live entries that come out of order stand in the order of the log", () => {
  let log = openLog(backwards([said(4)]));
  for (const seq of [5, 7, 6]) log = addLive(log, [said(seq)]);
  assert.deepEqual(seqs(log), [4, 5, 6, 7]);
  assert.equal(log.through, 7);
});

test("an entry beyond a gap waits until the gap is fetched", () => {
  let log = addLive(openLog(backwards([said(1)])), [said(4)]);
  assert.deepEqual(seqs(log), [1]);
  assert.equal(nextStep(log), 1);
  log = addNewer(log, page([said(2), said(3)]), 1);
  assert.deepEqual(seqs(log), [1, 2, 3, 4]);
  assert.equal(nextStep(log), null);
});

test("the same entries twice make no second row", () => {
  let log = openLog(backwards([said(1), said(2)]));
  log = addLive(log, [said(2), said(3), said(3)]);
  log = addLive(log, [said(3)]);
  assert.deepEqual(seqs(log), [1, 2, 3]);
});

test("numbers that the user may not see are no gap once a page has passed them", () => {
  let log = addLive(openLog(backwards([said(1)])), [joined(9)]);
  log = addNewer(log, page([joined(9)], { through: 9 }), 1);
  assert.deepEqual(seqs(log), [1, 9]);
  assert.equal(nextStep(log), null);
});

test("an edit shows in its message and makes no row", () => {
  const log = addLive(openLog(backwards([said(1), said(2)])), [edited(3, 1, "better")]);
  assert.equal(textAt(log, 1), "better");
  assert.deepEqual(seqs(log), [1, 2]);
  assert.equal(log.through, 3);
});

test("a late copy of an older state never brings back a past text", () => {
  let log = openLog(backwards([said(1), said(2)]));
  log = addLive(log, [edited(3, 1, "first edit"), edited(4, 1, "second edit")]);
  log = addLive(log, [edited(3, 1, "first edit")]);
  log = addNewer(log, page([edited(3, 1, "first edit")], { through: 3 }), 2);
  assert.equal(textAt(log, 1), "second edit");
});

test("a page that already shows a later edit is not undone by the edits before it", () => {
  let log = openLog(backwards([said(1)]));
  log = addNewer(
    log,
    page([said(2, { text: "second edit" })], { has_more: true, through: 2, last_seq: 4 }),
    1,
  );
  log = addLive(log, [edited(3, 2, "first edit")]);
  assert.equal(textAt(log, 2), "second edit");
});

test("an edit of a message that is not loaded survives an older page read before it", () => {
  let log = openLog(backwards([said(5)], { has_more: true }));
  log = addLive(log, [edited(6, 2, "edited meanwhile")]);
  log = addOlder(log, backwards([said(2), said(3), said(4)], { last_seq: 5 }), 5);
  assert.equal(textAt(log, 2), "edited meanwhile");
  assert.deepEqual(seqs(log), [2, 3, 4, 5]);
});

test("an edit gives way to a page that was read after it", () => {
  let log = openLog(backwards([said(5)], { has_more: true }));
  log = addLive(log, [edited(6, 2, "edited once")]);
  const older = backwards([said(2, { text: "edited twice" })], { last_seq: 9 });
  assert.equal(textAt(addOlder(log, older, 5), 2), "edited twice");
});

test("a message that was asked for by its id is known, makes no row and follows its edits, also in the past", () => {
  for (const last_seq of [6, 900]) {
    const opened = openLog(backwards([said(5), said(6)], { has_more: true, last_seq }), 6);
    assert.equal(messageIn(opened, "m2"), undefined);
    let log = addNamed(opened, [message(2)], last_seq);
    assert.deepEqual([seqs(log), messageIn(log, "m2")?.text], [[5, 6], "text 2"]);
    log = addLive(log, [edited(last_seq + 2, 2, "better"), edited(last_seq + 1, 2, "good")]);
    assert.equal(messageIn(log, "m2")?.text, "better");
    assert.equal(messageIn(addNamed(log, [message(2)], last_seq), "m2")?.text, "better");
  }
});

test("what was asked for by its id becomes a row that follows its edits, and is not known once that is dropped", () => {
  let log = addNamed(openLog(backwards([said(3)], { has_more: true })), [message(2, { text: "then" })], 3);
  log = addOlder(log, backwards([said(1), said(2, { text: "before" })], { last_seq: 2 }), 3);
  assert.deepEqual([seqs(log), textAt(log, 2)], [[1, 2, 3], "then"]);
  log = addLive(log, [edited(4, 2, "now")]);
  assert.equal(messageIn(log, "m2")?.text, "now");
  assert.equal(messageIn(trim(log, 2, 1), "m2"), undefined);
});

test("an answer from before a log that was begun anew is dropped: an edit may lie in between", () => {
  const log = openLog(backwards([said(9)], { has_more: true }));
  assert.equal(addNamed(log, [message(2)], 7), log);
  assert.equal(messageIn(addNamed(log, [message(2)], 8), "m2")?.text, "text 2");
});

test("a log whose newest rows were let go still asks for what happens to the others", () => {
  let log = heardOf(keepAround(openLog(backwards(from(1, 9))), 2, 4, 2), 10);
  assert.deepEqual([seqs(log), nextStep(log), nextStep(log, true)], [[1, 2, 3, 4], 9, 4]);
  log = addNewer(log, page([edited(10, 2, "better")]), 9);
  assert.deepEqual([textAt(log, 2), log.through, nextStep(log)], ["better", 4, null]);
});

test("an older page that does not meet the start of the log is dropped", () => {
  const log = openLog(backwards([said(8)], { has_more: true }));
  assert.equal(addOlder(log, backwards([said(2)]), 5), log);
});

test("the start of the conversation is known from the last older page", () => {
  let log = openLog(backwards([said(3)], { has_more: true }));
  assert.equal(log.start, false);
  log = addOlder(log, backwards([joined(1), said(2)]), 3);
  assert.equal(log.start, true);
  assert.equal(log.from, 1);
});

test("a page never moves a log backwards", () => {
  const log = addLive(openLog(backwards([said(1)])), [said(2), said(3)]);
  assert.equal(addNewer(log, page([said(2)], { through: 2 }), 1), log);
});

test("a page from the past goes on only when asked, until it meets the present", () => {
  let log = openLog(backwards([said(4), said(5)], { has_more: true, last_seq: 900 }), 5);
  assert.equal(log.from, 4);
  assert.equal(nextStep(log), null);
  assert.equal(nextStep(log, true), 5);
  log = addLive(log, [said(901)]);
  log = addNewer(log, page([said(6)], { has_more: true, through: 6, last_seq: 901 }), 5);
  assert.equal(log.past, true);
  log = addNewer(log, page([said(899), said(900)], { last_seq: 901 }), 6);
  assert.equal(log.past, false);
  assert.deepEqual(seqs(log), [4, 5, 6, 899, 900, 901]);
});

test("the newest page is complete although its last entries are no messages", () => {
  const log = openLog(backwards([said(4)], { last_seq: 7 }));
  assert.equal(nextStep(log), null);
  assert.deepEqual(seqs(addLive(log, [said(8)])), [4, 8]);
});

test("hearing of a number opens a gap and closes nothing", () => {
  const log = heardOf(openLog(backwards([said(1)])), 5);
  assert.equal(nextStep(log), 1);
  assert.equal(heardOf(log, 3), log);
});

test("a log that is far behind starts again from the newest page", () => {
  assert.equal(nextStep(heardOf(openLog(backwards([said(1)])), 5000)), "restart");
});

test("a trimmed log asks for its older rows again", () => {
  const log = trim(openLog(backwards([said(1), said(2), said(3)])), 2, 2);
  assert.deepEqual(seqs(log), [2, 3]);
  assert.equal(log.from, 2);
  assert.equal(log.start, false);
});

const from = (first: number, count: number) => Array.from({ length: count }, (_, nth) => said(first + nth));

test("what waits beyond a gap has a limit; its number is kept, so that it is fetched", () => {
  const log = addLive(openLog(backwards([said(1)])), from(3, 500));
  assert.equal(log.early.size, 500);
  const more = addLive(log, [said(900)]);
  assert.deepEqual([more.early.size, more.last, nextStep(more)], [0, 900, "restart"]);
});

test("a log that nobody looks at keeps its newest rows and nothing beyond a gap", () => {
  const log = setAside(addLive(openLog(backwards(from(1, 401))), [said(403)]));
  assert.deepEqual([log.rows.length, log.from, log.through, log.early.size], [200, 202, 401, 0]);
  assert.equal(nextStep(log), 401);
});

test("a change shown early is replaced by the entry that confirms it", () => {
  let log = patchMessage(openLog(backwards([said(1)])), "m1", (old) => ({ ...old, text: "guess" }));
  assert.equal(textAt(log, 1), "guess");
  log = addLive(log, [edited(2, 1, "truth")]);
  assert.equal(textAt(log, 1), "truth");
});

test("any order and repetition of live entries ends in the same log", () => {
  const all = [said(2), said(3), edited(4, 2, "new"), said(5), joined(6), edited(7, 2, "newest")];
  const start = openLog(backwards([said(1)]));
  const straight = addLive(start, all);
  for (let round = 0; round < 50; round++) {
    const shuffled = [...all, ...all].sort(() => Math.random() - 0.5);
    const log = shuffled.reduce((now, entry) => addLive(now, [entry]), start);
    assert.deepEqual(seqs(log), seqs(straight));
    assert.equal(textAt(log, 2), "newest");
  }
});
