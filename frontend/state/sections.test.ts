import assert from "node:assert/strict";
import test from "node:test";
import { chat } from "./samples";
import { neighbour, sectionsOf, steady, waits } from "./sections";

const list = [
  chat("g1"),
  chat("d1", { kind: "direct" }),
  chat("f1", { favourite: true, kind: "direct" }),
  chat("g2", { unread: 1 }),
  chat("d2", { kind: "direct", unread: 2, muted: true }),
];
const shown = (chats: readonly { id: string }[]) => chats.map(({ id }) => id).join(" ");

test("a favourite stands among favourites alone, and a section without chats is none", () => {
  const told = sectionsOf(list).map(({ id, chats }) => `${id}: ${shown(chats)}`);
  assert.deepEqual(told, ["favourites: f1", "groups: g1 g2", "direct: d1 d2"]);
  assert.deepEqual(sectionsOf([]), []);
});

test("what is held stays where it is, and what is new comes last", () => {
  assert.equal(shown(steady(list, ["d2", "g1", "f1", "d1"])), "d2 g1 f1 d1 g2");
});

test("the next chat is the one below, round the end, whatever section it is in", () => {
  assert.equal(neighbour(list, "f1", 1)?.id, "g1");
  assert.equal(neighbour(list, "f1", -1)?.id, "d2");
  assert.equal(neighbour(list, null, 1)?.id, "f1");
  assert.equal(neighbour(list, null, -1)?.id, "d2");
  assert.equal(neighbour([chat("g1")], "g1", 1), null);
});

test("the next unread chat is not a muted one", () => {
  assert.equal(neighbour(list, "d1", 1, waits)?.id, "g2");
  assert.equal(neighbour(list, "g2", 1, waits), null);
});
