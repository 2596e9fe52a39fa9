import assert from "node:assert/strict";
import { test } from "node:test";
import { addLive, addNewer, openLog } from "./log";
import { changesPins } from "./pins";
import { backwards, bob, edited, joined, page, said } from "./samples";
import type { MessageEntry } from "./types";

const pin = { by: bob, at: "2026-01-01T00:00:00.000Z" };
const pinned = (seq: number, target: number, is: typeof pin | null = pin): MessageEntry => ({
  ...said(target, { pinned: is }),
  seq,
  kind: "pin",
});

test("a message is pinned and unpinned by entries, live or fetched, and none of them is a row of its own", () => {
  let log = openLog(backwards([said(1), said(2)]));
  log = addLive(log, [pinned(3, 1)]);
  assert.deepEqual(log.rows[0]?.message?.pinned, pin);
  assert.equal(log.rows.length, 2);
  log = addNewer(log, page([pinned(4, 1, null), pinned(5, 2)]), 3);
  assert.deepEqual(
    log.rows.map((row) => row.message?.pinned),
    [null, pin],
  );
});

test("a pin may change what is pinned, and so do changes of a pinned message, but not what is newly said", () => {
  const changed = (target: number, is: object) => ({
    ...edited(9, target, "other"),
    message: said(target, is).message,
  });
  assert.ok(changesPins([joined(2), pinned(3, 1, null)]));
  assert.ok(changesPins([changed(1, { pinned: pin })]));
  assert.ok(changesPins([{ ...changed(1, { deleted: true }), kind: "delete" }]));
  assert.ok(!changesPins([said(2), changed(1, {}), joined(3)]));
});
