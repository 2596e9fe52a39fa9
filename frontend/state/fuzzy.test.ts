import assert from "node:assert/strict";
import test from "node:test";
import { fit, fitting } from "./fuzzy";

const best = (names: readonly string[], typed: string) => fitting(names, typed, (name) => name);

test("letters in their order are enough, in any case and without accents", () => {
  assert.deepEqual(best(["Garden party", "Café Ümlaut", "Book circle"], "cafeum"), ["Café Ümlaut"]);
  assert.equal(fit("Garden", "nedrag"), null);
});

test("what begins with it comes first, then a word in it, then anything", () => {
  assert.deepEqual(best(["Embargo", "The bar", "Barbara"], "bar"), ["Barbara", "The bar", "Embargo"]);
});

test("first letters of words find a name", () => {
  assert.deepEqual(best(["Geopolitics", "Garden party"], "gp"), ["Garden party", "Geopolitics"]);
});

test("a word that begins alike does not hide the letters before it", () => {
  assert.notEqual(fit("no to one", "ot"), null);
});

test("without a word all stay as they are", () => {
  assert.deepEqual(best(["bb", "aa"], " "), ["bb", "aa"]);
});
