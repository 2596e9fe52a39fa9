import assert from "node:assert/strict";
import test from "node:test";
import { type Press, sends } from "./keys";

const enter: Press = {
  key: "Enter",
  keyCode: 13,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  isComposing: false,
};

test("Enter sends and Shift+Enter makes a line", () => {
  assert.equal(sends(enter, false, true), true);
  assert.equal(sends({ ...enter, shiftKey: true }, false, true), false);
});

test("Enter that confirms an input method's candidate never sends", () => {
  assert.equal(sends({ ...enter, isComposing: true }, false, true), false);
  assert.equal(sends({ ...enter, keyCode: 229 }, false, true), false);
});

test("on a touch screen Enter makes a line and Ctrl+Enter sends", () => {
  assert.equal(sends(enter, true, true), false);
  assert.equal(sends({ ...enter, ctrlKey: true }, true, true), true);
});

test("other keys send nothing", () => {
  assert.equal(sends({ ...enter, key: "a", keyCode: 65 }, false, true), false);
});

test("with the setting turned round, Enter makes a line and Ctrl+Enter or Cmd+Enter sends", () => {
  assert.equal(sends(enter, false, false), false);
  assert.equal(sends({ ...enter, ctrlKey: true }, false, false), true);
  assert.equal(sends({ ...enter, metaKey: true }, false, false), true);
});
