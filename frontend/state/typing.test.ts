import assert from "node:assert/strict";
import test from "node:test";
import { startTyping, stillTyping, without } from "./typing";

test("a sign of typing fades after six seconds", () => {
  const list = startTyping([], "c1", "u1", 1000);
  assert.equal(stillTyping(list, 6999).length, 1);
  assert.equal(stillTyping(list, 7000).length, 0);
});

test("typing on keeps one entry and moves its end", () => {
  const list = startTyping(startTyping([], "c1", "u1", 0), "c1", "u1", 3000);
  assert.deepEqual(list, [{ chatId: "c1", userId: "u1", until: 9000 }]);
});

test("a message ends its author's typing in that chat alone", () => {
  const list = startTyping(startTyping([], "c1", "u1", 0), "c2", "u1", 0);
  assert.deepEqual(
    without(list, "c1", "u1").map((typing) => typing.chatId),
    ["c2"],
  );
});
