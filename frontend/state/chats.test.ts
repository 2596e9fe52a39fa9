import assert from "node:assert/strict";
import test from "node:test";
import {
  changeChat,
  followed,
  matching,
  removeChat,
  totalUnread,
  upsertChats,
  withEntries,
  withRead,
} from "./chats";
import { ada, bob, chat, edited, joined, message, said } from "./samples";

const ids = (list: readonly { id: string }[]) => list.map((each) => each.id);

test("the chat with the newest message stands first", () => {
  const list = upsertChats([], [chat("old"), chat("new", { last_at: "2026-11-23T00:00:00Z" })]);
  assert.deepEqual(ids(list), ["new", "old"]);
});

test("a chat that the server tells of late does not go back in time", () => {
  const list = upsertChats(
    [chat("c1", { last_seq: 12, unread: 2 })],
    [chat("c1", { last_seq: 11, unread: 1 })],
  );
  assert.equal(list[0]?.unread, 2);
});

test("what was read here stays read while the server does not know yet", () => {
  const known = [chat("c1", { last_seq: 12, read_seq: 12, unread: 0 })];
  const list = upsertChats(known, [chat("c1", { last_seq: 13, read_seq: 10, unread: 3 })]);
  assert.equal(list[0]?.unread, 1);
  assert.equal(list[0]?.read_seq, 12);
});

test("somebody else's message is unread, one's own reads all", () => {
  const after = withEntries(chat("c1"), [said(11, { author: bob }), said(12, { author: bob })], ada.id);
  assert.equal(after.unread, 2);
  assert.equal(after.last_message?.seq, 12);
  assert.equal(withEntries(chat("c1", { unread: 4 }), [said(11)], ada.id).unread, 0);
});

test("an entry that comes twice is counted once", () => {
  const once = withEntries(chat("c1"), [said(11, { author: bob })], ada.id);
  assert.equal(withEntries(once, [said(11, { author: bob })], ada.id).unread, 1);
  assert.equal(
    withEntries(chat("c1"), [said(11, { author: bob }), said(11, { author: bob })], ada.id).unread,
    1,
  );
});

test("a hole in live entries asks the server instead of counting wrong", () => {
  assert.equal(followed(10, [said(12)]), null);
  assert.equal(followed(10, [said(12), said(9), said(11)]), 12);
  assert.equal(followed(undefined, [said(1)]), null);
});

test("an edit of the last message shows in the list", () => {
  const before = chat("c1", { last_message: { ...message(10), attachments: 0, files: 0 } });
  assert.equal(withEntries(before, [edited(11, 10, "better")], ada.id).last_message?.text, "better");
});

test("a new topic shows at once, and so does none", () => {
  const entry = (seq: number, topic: string | null) => ({
    ...joined(seq),
    kind: "chat" as const,
    changes: { topic },
  });
  const after = withEntries(chat("c1"), [entry(11, "Pruning")], ada.id);
  assert.equal(after.topic, "Pruning");
  assert.equal(withEntries(after, [entry(12, null)], ada.id).topic, "");
});

test("reading only moves forward", () => {
  const before = chat("c1", { read_seq: 5, unread: 5 });
  assert.equal(withRead(before, 3, { unread: 7, mentions: 0 }), before);
  assert.equal(withRead(before, 10, null).unread, 0);
  const partly = withRead(before, 8, { unread: 2, mentions: 0 });
  assert.deepEqual(partly, { ...before, read_seq: 8, unread: 2, mentions: 0 });
});

test("messages that call this user or everybody are counted until they are read", () => {
  const called = [
    said(11, { author: bob, mentions: [ada.id] }),
    said(12, { author: bob, mentions_all: true }),
    said(13, { author: bob, mentions: [bob.id] }),
  ];
  const after = withEntries(chat("c1"), called, ada.id);
  assert.deepEqual([after.unread, after.mentions], [3, 2]);
  assert.equal(withRead(after, 11, { unread: 2, mentions: 1 }).mentions, 1);
  assert.equal(withRead(after, 11, null).mentions, 2);
  assert.equal(withRead(after, 13, null).mentions, 0);
  assert.equal(withEntries(after, [said(14, { mentions_all: true })], ada.id).mentions, 0);
});

test("muted chats do not count", () => {
  assert.equal(totalUnread([chat("a", { unread: 2 }), chat("b", { unread: 5, muted: true })]), 2);
});

test("a search finds by all words in any case", () => {
  const list = [chat("a", { name: "Design Team" }), chat("b", { name: "Dinner" })];
  assert.deepEqual(ids(matching(list, "team DES")), ["a"]);
  assert.equal(matching(list, " ").length, 2);
});

test("a changed chat moves to its place and a removed one goes", () => {
  const list = upsertChats([], [chat("a"), chat("b")]);
  const moved = changeChat(list, "a", (old) => ({ ...old, last_at: "2027-01-01T00:00:00Z" }));
  assert.deepEqual(ids(moved), ["a", "b"]);
  assert.deepEqual(ids(removeChat(moved, "a")), ["b"]);
});
