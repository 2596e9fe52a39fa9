// Emoji by name, searched, and in skin tones; what was used last. Pure. Not for: fetching the list (net/emoji.ts).
import type { Store } from "./drafts";

export interface Emoji {
  emoji: string;
  label: string;
  /** As they are written between colons, the best known first. */
  names: readonly string[];
  /** By what else it is found. */
  tags: string;
  /** So many of the people in it take a skin tone. */
  toned: number;
}

/** 0: none, 1 to 5: from light to dark. */
export type Tone = 0 | 1 | 2 | 3 | 4 | 5;
export const TONES: readonly Tone[] = [0, 1, 2, 3, 4, 5];

const MOST_RECENT = 24;
const PERSON = /\p{Emoji_Modifier_Base}\ufe0f?/gu;
// What is code stays as it is; a name begins neither in a word nor in a time of day.
const NAMED = /(```[\s\S]*?(?:```|$)|`[^`\n]*`)|(?<!\w):([+\w-]+):/g;

/** What the built list says, in full. */
export function readEmoji([emoji, label, names, tags, toned]: [
  string,
  string,
  string,
  string,
  number,
]): Emoji {
  const slug = label.toLowerCase().replace(/[^a-z0-9]+/g, "_");
  return { emoji, label, names: [...names.split(" ").filter(Boolean), slug], tags, toned };
}

/** Those found by `typed`, the best first: by how a name begins, by how a word begins, then by anything. */
export function searchEmoji(all: readonly Emoji[], typed: string, most: number): Emoji[] {
  const sought = typed.toLowerCase().replace(/\s+/g, "_");
  const ranked = all.map((each) => ({ each, rank: rankOf(each, sought) })).filter(({ rank }) => rank < NEVER);
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ each }) => each);
}

const NEVER = 9;

function rankOf({ names, tags }: Emoji, sought: string): number {
  const tagged = tags.split(" ");
  if (names.includes(sought)) return 0;
  if (names.some((name) => name.startsWith(sought))) return 1;
  if (tagged.includes(sought)) return 2;
  if (names.some((name) => name.includes(`_${sought}`))) return 3;
  if (tagged.some((tag) => tag.startsWith(sought))) return 4;
  return names.some((name) => name.includes(sought)) ? 5 : NEVER;
}

/** The emoji with its people in this skin tone, where they take one. */
export function inTone({ emoji, toned }: Pick<Emoji, "emoji" | "toned">, tone: Tone): string {
  if (tone === 0) return emoji;
  let left = toned;
  const modifier = String.fromCodePoint(0x1f3fa + tone);
  return emoji.replace(PERSON, (person) => (left-- > 0 ? person.replace("\ufe0f", "") + modifier : person));
}

/** The text with the emoji that are named in it, but for code. */
export function withEmoji(text: string, byName: ReadonlyMap<string, Emoji>, tone: Tone): string {
  return text.replace(NAMED, (whole, code: string | undefined, name: string) => {
    const found = code === undefined ? byName.get(name.toLowerCase()) : undefined;
    return found ? inTone(found, tone) : whole;
  });
}

const recentKey = (userId: string) => `infitalks.emoji.${userId}`;
const toneKey = (userId: string) => `infitalks.tone.${userId}`;

/** Those used last, the newest first. */
export function recentEmoji(store: Store, userId: string): string[] {
  return (store.getItem(recentKey(userId)) ?? "").split(" ").filter(Boolean);
}

export function noteEmoji(store: Store, userId: string, emoji: string): void {
  const others = recentEmoji(store, userId).filter((each) => each !== emoji);
  store.setItem(recentKey(userId), [emoji, ...others].slice(0, MOST_RECENT).join(" "));
}

export function toneOf(store: Store, userId: string): Tone {
  return TONES.find((tone) => String(tone) === store.getItem(toneKey(userId))) ?? 0;
}

export function setTone(store: Store, userId: string, tone: Tone): void {
  store.setItem(toneKey(userId), String(tone));
}
