import assert from "node:assert/strict";
import test from "node:test";
import { nextStep, pause, pollPause } from "./catchup";
import { openLog } from "./log";
import { backwards, said } from "./samples";

test("a complete log is asked for only when forced", () => {
  const log = openLog(backwards([said(3)]));
  assert.equal(nextStep(log), null);
  assert.deepEqual(nextStep(log, true), { kind: "after", after: 3 });
});

test("pauses grow from one to eight seconds and stay there", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 9].map((failures) => pause(failures, () => 1)),
    [1000, 2000, 4000, 8000, 8000],
  );
});

test("pauses spread, so that pages do not all come back at once", () => {
  assert.equal(
    pause(0, () => 0),
    500,
  );
});

test("a page polls within ten seconds with a socket and within six without", () => {
  assert.equal(
    pollPause(true, () => 1),
    10_000,
  );
  assert.equal(
    pollPause(false, () => 1),
    6000,
  );
});
