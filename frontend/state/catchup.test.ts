import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { begin, nextDue, step } from "./catchup";
import { nudgePause, pause, pollPause } from "./page";
import { type Case, shown, writtenOut } from "./samples";

const file = JSON.parse(readFileSync("tests/cases/catchup.json", "utf8")) as { cases: Case[] } & Pick<
  Required<Case>,
  "start"
>;

for (const { name, start = file.start, steps, rows } of file.cases) {
  test(name, () => {
    let page = begin(writtenOut(start), 0, 0);
    let now = 0;
    for (const [number, given] of steps.entries()) {
      now = given.at ?? now;
      const stepped = step(page, writtenOut(given.give), now, given.random ?? 0);
      assert.deepEqual(stepped.effects, given.do, `step ${number}`);
      page = stepped.page;
      if (given.due !== undefined) assert.equal(nextDue(page), given.due, `step ${number}`);
    }
    assert.deepEqual(shown(page), rows);
  });
}

test("no step changes the page that it is given", () => {
  const page = begin(writtenOut(file.start), 0, 0);
  const before = structuredClone(page);
  for (const { steps } of file.cases) for (const { give } of steps) step(page, writtenOut(give), 9e9, 1);
  assert.deepEqual(page, before);
});

test("pauses grow from one to eight seconds and stay there, those of the connection up to three", () => {
  const failures = [0, 1, 2, 3, 9];
  assert.deepEqual(
    failures.map((count) => pause(count, 1)),
    [1000, 2000, 4000, 8000, 8000],
  );
  assert.deepEqual(
    failures.map((count) => nudgePause(count, 50, 1)),
    [1000, 2000, 3000, 3000, 3000],
  );
  assert.equal(nudgePause(9, 60_000, 1), 8000);
});

test("pauses spread, so that pages do not all come back at once", () => {
  assert.equal(pause(0, 0), 500);
  assert.equal(nudgePause(9, 0, 0), 1500);
});

test("a page polls within ten seconds with a socket and within six without", () => {
  assert.equal(pollPause(true, 1), 10_000);
  assert.equal(pollPause(false, 1), 6000);
});
