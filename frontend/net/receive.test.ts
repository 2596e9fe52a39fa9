import assert from "node:assert/strict";
import test from "node:test";
import { bob, chat, said } from "../state/samples";
import { chats } from "../store";
import { takeEntries } from "./receive";
import { takeChats } from "./sync";

test("the list of chats counts an entry only once none is missing before it", () => {
  const unread = () => chats.value.map((each) => [each.last_seq, each.unread]);
  takeChats([chat("c1")]);
  takeEntries("c1", [said(12, { author: bob })]);
  assert.deepEqual(unread(), [[10, 0]]);
  takeEntries("c1", [said(11, { author: bob }), said(12, { author: bob })]);
  assert.deepEqual(unread(), [[12, 2]]);
});
