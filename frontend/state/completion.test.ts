import assert from "node:assert/strict";
import test from "node:test";
import { callsAll, namedAt, typedAt } from "./completion";

/** `|` is the caret. */
const at = (marked: string) => typedAt(marked.replace("|", ""), marked.indexOf("|"));

test("a name begun before the caret is found with its place", () => {
  assert.deepEqual(at("hi @ad| and"), { kind: "person", typed: "ad", start: 3, end: 6 });
  assert.deepEqual(at("@|"), { kind: "person", typed: "", start: 0, end: 1 });
  assert.deepEqual(at("(#Gar|"), { kind: "chat", typed: "Gar", start: 1, end: 5 });
  assert.deepEqual(at("well :th|"), { kind: "emoji", typed: "th", start: 5, end: 8 });
});

test("addresses, times, links, smileys and code begin no name", () => {
  for (const text of [
    "ada@exa|",
    "10:30|",
    "https://x.y/#a|",
    ":)|",
    ":d|",
    "a::bc|",
    "`@ad|",
    "```\n:th|",
    "@ada |",
  ])
    assert.equal(at(text), null, text);
  assert.equal(at("`x` @ad|")?.typed, "ad");
  assert.equal(at("```\nx\n```\n@ad|")?.typed, "ad");
});

test("the colon that ends an emoji's name names it", () => {
  assert.deepEqual(namedAt("ok :+1:", 7), { typed: "+1", start: 3, end: 7 });
  assert.equal(namedAt("10:30:", 6), null);
  assert.equal(namedAt("`:+1:", 5), null);
});

test("calling everybody is seen as the server sees it", () => {
  for (const text of ["@all", "well, @Here!", "@everyone."]) assert.equal(callsAll(text), true, text);
  for (const text of ["ada@all", "@allan", "@all.of", "`@all`", "all", "@all@x"])
    assert.equal(callsAll(text), false, text);
});
