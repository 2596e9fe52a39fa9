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

test("what somebody does is told without the marks of its slant", () => {
  assert.equal(
    plain("_waters the beans_ and *goes*, as a_b_c does"),
    "waters the beans and goes, as a_b_c does",
  );
});

test("a mark that was written as itself is shown as itself", () => {
  assert.equal(plain("so it goes ¯\\\\\\_(ツ)\\_/¯"), "so it goes ¯\\_(ツ)_/¯");
});
