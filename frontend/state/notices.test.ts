import assert from "node:assert/strict";
import { test } from "node:test";
import { due, type Notice } from "./notices";

const author = { id: "a", username: "a", display_name: "A", avatar_url: null, kind: "person" as const };
const notice = (chat_id: string, seq: number): Notice => ({
  message_id: `${chat_id}${seq}`,
  chat_id,
  seq,
  chat_name: null,
  author,
  text: "hi",
  attachments: 0,
  at: "",
  reason: "direct",
});
const some = [notice("x", 4), notice("y", 2), notice("x", 5), notice("z", 9)];

test("only the newest of each chat is shown, and nothing that is looked at, was shown or is read", () => {
  const seqs = (looked: string[], shown: [string, number][], read: number, desktop = true) =>
    due(some, { desktop }, new Set(looked), new Map(shown), () => read).map((each) => each.message_id);
  assert.deepEqual(seqs([], [], 0), ["x5", "y2", "z9"]);
  assert.deepEqual(seqs(["z"], [["x", 5]], 0), ["y2"]);
  assert.deepEqual(seqs([], [], 5), ["z9"]);
  assert.deepEqual(seqs([], [], 0, false), []);
});
