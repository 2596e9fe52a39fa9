import assert from "node:assert/strict";
import test from "node:test";
import groups from "emoji-data";
import { inTone, noteEmoji, readEmoji, recentEmoji, searchEmoji, setTone, toneOf, withEmoji } from "./emoji";
import { memoryStore } from "./samples";

const all = groups.flat().map(readEmoji);
const byName = new Map(all.flatMap((each) => each.names.map((name) => [name, each] as const)));
const named = (name: string) => byName.get(name) ?? assert.fail(name);

test("the list holds all emoji of Unicode but hair and skin, each under a name of its own", () => {
  assert.equal(groups.length, 9);
  assert.ok(all.length > 1900, String(all.length));
  assert.equal(new Set(all.map(({ emoji }) => emoji)).size, all.length);
  for (const name of ["+1", "tada", "heart", "pirate_flag", "man_shrugging"]) named(name);
});

test("an emoji is written as people type it", () => {
  assert.equal(named("+1").emoji, "👍");
  assert.equal(named("heart").emoji, "❤️");
});

test("searching finds names first, then what else it is found by", () => {
  const found = (typed: string) => searchEmoji(all, typed, 5).map(({ emoji }) => emoji);
  assert.equal(found("tada")[0], "🎉");
  assert.equal(found("+1")[0], "👍");
  assert.ok(found("thumbs up").includes("👍"));
  assert.ok(found("celebrate").length > 0);
  assert.deepEqual(found("no such thing"), []);
});

test("people take a skin tone and other things do not", () => {
  assert.equal(inTone(named("+1"), 1), "👍🏻");
  assert.equal(inTone(named("man_shrugging"), 5), "🤷🏿‍♂️");
  assert.equal(inTone(named("v"), 3), "✌🏽");
  assert.equal(inTone(named("tada"), 3), "🎉");
  assert.equal(inTone(named("+1"), 0), "👍");
});

test("names become emoji in text, but not in code, in words, nor in times", () => {
  const said = (text: string) => withEmoji(text, byName, 0);
  assert.equal(said(":+1: well :tada::tada:"), "👍 well 🎉🎉");
  for (const text of ["`:+1:`", "```\n:+1:\n```", "at 10:100:00", "a:x:b", ":nosuchname:"])
    assert.equal(said(text), text);
});

test("the newest used come first, and each once", () => {
  const store = memoryStore();
  for (const emoji of ["👍", "🎉", "👍"]) noteEmoji(store, "ada", emoji);
  assert.deepEqual(recentEmoji(store, "ada"), ["👍", "🎉"]);
  assert.deepEqual(recentEmoji(store, "bob"), []);
  setTone(store, "ada", 4);
  assert.equal(toneOf(store, "ada"), 4);
  store.setItem("infitalks.tone.ada", "7");
  assert.equal(toneOf(store, "ada"), 0);
});
