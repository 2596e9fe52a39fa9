import assert from "node:assert/strict";
import test from "node:test";
import { plain } from "./plain";

test("a preview shows words and not their marks", () => {
  assert.equal(
    plain("Build **42** is `green`, see [the log](https://example.org/x)"),
    "Build 42 is green, see the log",
  );
});

test("lists, quotes and lines become one line", () => {
  assert.equal(plain("To do:\n\n- tea\n- cake\n> yes\n2. go"), "To do: tea cake yes go");
});

test("marks that mark nothing stay", () => {
  assert.equal(plain("2 ** 3 and a_b and x > y"), "2 ** 3 and a_b and x > y");
});
