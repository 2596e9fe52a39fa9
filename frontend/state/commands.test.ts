import assert from "node:assert/strict";
import test from "node:test";
import {
  begunOf,
  commandId,
  completed,
  isCommand,
  isWhole,
  literally,
  nameIn,
  settleCommand,
  suggested,
} from "./commands";
import { bot, memoryStore } from "./samples";
import type { Command } from "./types";

const command = (name: string, usage = "", its: Command["bot"] = null): Command => ({
  name,
  usage,
  description: "",
  bot: its,
});
const invite = command("invite", "@name …");
const leave = command("leave");
const shrug = command("shrug", "[text]");
const inv = command("inv", "", bot);
const all = [invite, leave, shrug, inv];

test("a slash and a word begin a command, in any case", () => {
  for (const text of ["/deploy", "/deploy app 1", "/Deploy", "/a-b_2 x", "/me\nsays"])
    assert.ok(isCommand(text), text);
});

test("paths, fractions and lone slashes are messages", () => {
  for (const text of ["/etc/passwd", "/", "/ me", " /me", "/2", "and/or", "//me", "/me.", "/é", "", "/*x*/"])
    assert.ok(!isCommand(text), text);
});

test("two slashes before a name say one of them, and nothing else loses any", () => {
  assert.equal(literally("//me too"), "/me too");
  assert.equal(literally("///me"), "//me");
  for (const text of ["// a note", "//example.org/x", "/me", "a //me", "//"])
    assert.equal(literally(text), text);
});

test("what is typed filters the commands, the exact one first", () => {
  const names = (text: string) => suggested(all, text).map(({ name }) => name);
  assert.deepEqual(names("/"), ["invite", "leave", "shrug", "inv"]);
  assert.deepEqual(names("/IN"), ["invite", "inv"]);
  assert.deepEqual(names("/inv"), ["inv", "invite"]);
  for (const text of ["/nothing", "/invite ", "in", "//in", ""]) assert.deepEqual(names(text), [], text);
});

test("a picked command is ready for its arguments, where it takes some", () => {
  assert.equal(completed(invite), "/invite ");
  assert.equal(completed(leave), "/leave");
});

test("a command may be sent once its name stands there and nothing more is needed", () => {
  assert.ok(isWhole("/leave", leave));
  assert.ok(isWhole("/LEAVE", leave));
  assert.ok(isWhole("/shrug", shrug));
  assert.ok(!isWhole("/invite", invite));
  assert.ok(!isWhole("/lea", leave));
});

test("the command whose arguments are typed is known by its whole name", () => {
  assert.equal(begunOf(all, "/invite @b"), invite);
  assert.equal(begunOf(all, "/Invite "), invite);
  for (const text of ["/invite", "/invit @b", "/etc/invite x", "invite x"])
    assert.equal(begunOf(all, text), null);
  assert.equal(nameIn("/Deploy app"), "deploy");
});

test("a command keeps its client_id while it is tried again, and another text or a settled one gets a new one", () => {
  const store = memoryStore();
  const ask = (text: string, fresh: string, chat = "c1") => commandId(store, "ada", chat, text, fresh, 1000);
  assert.equal(ask("/deploy a b\nc", "one"), "one");
  assert.equal(ask("/deploy a b\nc", "two"), "one");
  assert.equal(ask("/deploy a b\nc", "three", "c2"), "three");
  assert.equal(ask("/deploy a", "four"), "four");
  settleCommand(store, "ada", "c1");
  assert.equal(ask("/deploy a", "five"), "five");
});

test("the same command is meant anew five minutes later, or by a clock that was set back", () => {
  const store = memoryStore();
  const ask = (fresh: string, now: number) => commandId(store, "ada", "c1", "/deploy a", fresh, now);
  assert.equal(ask("one", 1_000_000), "one");
  assert.equal(ask("two", 1_299_999), "one");
  assert.equal(ask("three", 1_300_000), "three");
  assert.equal(ask("four", 1_000_000), "four");
});
