import assert from "node:assert/strict";
import test from "node:test";
import { ada, bob, chat } from "./samples";
import { offers } from "./switching";
import { visited } from "./visited";

const garden = chat("g", { name: "Garden" });
const books = chat("b", { name: "Books" });
const direct = chat("d", { name: "Bob", kind: "direct", other: bob });
const names = (typed: string, recent: readonly string[], open: string | null = null) =>
  offers(typed, [garden, books, direct], [ada, bob], recent, open).map(({ name }) => name);

test("the chat that was left last stands first, so that Enter goes back to it", () => {
  assert.deepEqual(names("", ["g", "d"], "g"), ["Bob", "Books", "Garden"]);
});

test("somebody with whom there is a chat is found once, by name or username", () => {
  assert.deepEqual(names("bob", []), ["Bob"]);
  assert.deepEqual(names("@ada", []), ["Ada"]);
  assert.deepEqual(names("", []), ["Garden", "Books", "Bob"]);
});

test("of equal fits the one used last comes first", () => {
  assert.deepEqual(names("b", ["d"]), ["Bob", "Books"]);
  assert.deepEqual(visited(["a", "b"], "b"), ["b", "a"]);
});
