// How well a name fits what was typed, and in which order names are offered. Pure. Not for: where they come from.

const START = 8;
const WORD = 5;
const RUN = 3;

/** The higher the better, or null: `typed`'s letters stand in `name` in their order, in any case, with or without
 * accents. Beginnings, beginnings of words and letters in a row count most. */
export function fit(name: string, typed: string): number | null {
  const text = bare(name);
  const letters = bare(typed).replace(/\s+/g, "");
  if (!holds(text, letters, 0)) return null;
  let score = 0;
  let last = -2;
  for (let index = 0; index < letters.length; index++) {
    const at = place(text, letters.slice(index), last);
    score += at === 0 ? START : begins(text, at) ? WORD : at === last + 1 ? RUN : 1;
    last = at;
  }
  return score;
}

/** The ones that fit, best first; of equals the earlier one. */
export function fitting<T>(list: readonly T[], typed: string, nameOf: (each: T) => string): readonly T[] {
  const scored = list.map((each) => ({ each, score: fit(nameOf(each), typed) }));
  const found = scored.filter((one): one is { each: T; score: number } => one.score !== null);
  return found.sort((a, b) => b.score - a.score).map(({ each }) => each);
}

const bare = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();

const begins = (text: string, at: number): boolean => at === 0 || /[^\p{L}\p{N}]/u.test(text[at - 1] ?? "");

function holds(text: string, letters: string, from: number): boolean {
  let at = from - 1;
  return [...letters].every((letter) => {
    at = text.indexOf(letter, at + 1);
    return at >= 0;
  });
}

// Where the first letter goes: right behind the last one, else where a word begins, else anywhere; the rest has to fit.
function place(text: string, letters: string, last: number): number {
  const letter = letters[0] ?? "";
  const from = Math.max(last + 1, 0);
  const fits = (at: number) => holds(text, letters, at);
  if (last >= 0 && text[from] === letter && fits(from)) return from;
  for (let at = text.indexOf(letter, from); at >= 0; at = text.indexOf(letter, at + 1))
    if (begins(text, at) && fits(at)) return at;
  return text.indexOf(letter, from);
}
