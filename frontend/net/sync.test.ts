import assert from "node:assert/strict";
import test from "node:test";
import { ada, bob, chat } from "../state/samples";
import { members, online } from "../store";
import { receive } from "./receive";
import { takeDetail } from "./sync";

const member = (user = ada, read_seq = 0) => ({
  user,
  role: "member" as const,
  read_seq,
  online: false,
  away: false,
});
const detail = (id: string, last_seq: number, ...list: ReturnType<typeof member>[]) =>
  takeDetail({ ...chat(id, { last_seq }), members: list });
const shown = (id: string) => members.value.get(id)?.map((each) => [each.user.username, each.read_seq]);

test("of two answers about a chat that crossed the older one does not bring back who is gone", () => {
  detail("crossed", 7, member(ada));
  detail("crossed", 6, member(ada), member(bob));
  assert.deepEqual(shown("crossed"), [["ada", 0]]);
  detail("crossed", 7, member(bob));
  assert.deepEqual(shown("crossed"), [["bob", 0]]);
});

test("word that somebody has read does not bring back who was online long ago", () => {
  detail("presence", 9, member(ada), member(bob));
  receive("presence", { user_id: ada.id, online: true, away: false });
  receive("read", { chat_id: "presence", user_id: bob.id, seq: 8 });
  assert.ok(online.value.has(ada.id));
});

test("how far somebody has read never goes back, whatever order word of it comes in", () => {
  detail("read", 9, member(bob, 4));
  for (const seq of [8, 6]) receive("read", { chat_id: "read", user_id: bob.id, seq });
  assert.deepEqual(shown("read"), [["bob", 8]]);
  detail("read", 9, member(bob, 5));
  assert.deepEqual(shown("read"), [["bob", 8]]);
});
