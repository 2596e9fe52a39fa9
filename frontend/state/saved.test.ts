import assert from "node:assert/strict";
import { test } from "node:test";
import { same, toggled } from "./saved";

test("what is saved last stands first, once, and is taken out again", () => {
  const ids = toggled(toggled(toggled(new Set(), "a", true), "b", true), "a", true);
  assert.deepEqual([...ids], ["a", "b"]);
  assert.deepEqual([...toggled(toggled(ids, "a", false), "a", false)], ["b"]);
});

test("two sets are the same by what is in them", () => {
  assert.ok(same(new Set(["a", "b"]), new Set(["b", "a"])));
  assert.ok(!same(new Set(["a"]), new Set(["b"])));
  assert.ok(!same(new Set(["a"]), new Set(["a", "b"])));
});
