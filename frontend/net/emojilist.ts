// All emoji, and those that this user likes: a chunk of its own, by way of emoji.ts. Not for: rules (state/emoji.ts).
import rows from "emoji-data";
import { type Emoji, inTone, noteEmoji, readEmoji, searchEmoji, toneOf, withEmoji } from "../state/emoji";
import { me } from "../store";

export const groups: readonly (readonly Emoji[])[] = rows.map((group) => group.map(readEmoji));
export const all: readonly Emoji[] = groups.flat();
/** The first of those that share a name. */
const byName: ReadonlyMap<string, Emoji> = new Map(
  all.flatMap((each) => each.names.map((name) => [name, each] as const)).reverse(),
);

export const named = (name: string): Emoji | undefined => byName.get(name);

export const search = (typed: string, most: number): Emoji[] => searchEmoji(all, typed, most);

/** The emoji in the tone that this user likes; remembers that it was used. */
export function used(emoji: Emoji): string {
  noteEmoji(localStorage, me.value.id, emoji.emoji);
  return inTone(emoji, toneOf(localStorage, me.value.id));
}

export function emojified(text: string): string {
  return withEmoji(text, byName, toneOf(localStorage, me.value.id));
}
