import assert from "node:assert/strict";
import { test } from "node:test";

const words = {
  said: {
    "Loading messages": "Wiadomości się wczytują",
    "%(n)s reply": ["%(n)s odpowiedź", "%(n)s odpowiedzi", "%(n)s odpowiedzi"],
    "via %(name)s": "przez %(name)s",
  },
  plural: (n: number) =>
    +(n === 1 ? 0 : n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 10 || n % 100 >= 20) ? 1 : 2),
};

test("what a catalogue holds is said in its language, with its plurals, and the rest in English", async () => {
  Object.assign(globalThis, { words });
  const { t } = await import("./en");
  assert.equal(t.loading, "Wiadomości się wczytują");
  assert.deepEqual([1, 3, 5].map(t.replies), ["1 odpowiedź", "3 odpowiedzi", "5 odpowiedzi"]);
  assert.equal(t.via("%(name)s"), "przez %(name)s");
  assert.equal(t.mentions(1), "1 mention of you");
  assert.equal(t.mentions(2000), "2,000 mentions of you");
});
