import assert from "node:assert/strict";
import { test } from "node:test";
import { kept, moved, WHOLE, zoomed } from "./zoom";

test("what lies under the pointer stays there, however often one zooms", () => {
  const [x, y] = [120, -40];
  let view = WHOLE;
  for (const by of [2, 1.5, 0.7]) view = zoomed(view, by, x, y);
  // The picture's point that was under the pointer at first is at (x, y) of the whole picture.
  assert.ok(Math.abs(view.x + x * view.scale - x) < 1e-9 && Math.abs(view.y + y * view.scale - y) < 1e-9);
});

test("zooming stops at the whole picture, in the middle, and at eight times", () => {
  assert.equal(zoomed(WHOLE, 100).scale, 8);
  assert.deepEqual(zoomed({ scale: 2, x: 50, y: 9 }, 0.1), WHOLE);
});

test("a picture is not moved off the stage, and one that fits is not moved at all", () => {
  const stage = { width: 1000, height: 800 };
  const picture = { width: 600, height: 300 };
  const far = moved({ scale: 2, x: 0, y: 0 }, 5000, 5000);
  assert.deepEqual(kept(far, picture, stage), { scale: 2, x: 100, y: 0 });
  assert.deepEqual(kept(moved(far, -9000, 0), picture, stage), { scale: 2, x: -100, y: 0 });
});
