// The list of emoji, fetched when the first one is asked for. Not for: what is done with it (state/emoji.ts).
import { signal } from "@preact/signals";
import { type Emoji, inTone, noteEmoji, readEmoji, toneOf, withEmoji } from "../state/emoji";
import { me } from "../store";

export interface EmojiList {
  groups: readonly (readonly Emoji[])[];
  all: readonly Emoji[];
  byName: ReadonlyMap<string, Emoji>;
}

/** Null until it is here. */
export const emojiList = signal<EmojiList | null>(null);

/** Fetches it once; where it does not come, the next call tries again. */
export async function learnEmoji(): Promise<void> {
  if (emojiList.value) return;
  const arrived = await import("emoji-data").catch(() => null);
  if (!arrived || emojiList.value) return;
  const groups = arrived.default.map((group) => group.map(readEmoji));
  const all = groups.flat();
  const byName = new Map(all.flatMap((each) => each.names.map((name) => [name, each] as const)).reverse());
  emojiList.value = { groups, all, byName };
}

/** The emoji in the tone that this user likes; remembers that it was used. */
export function used(emoji: Emoji): string {
  noteEmoji(localStorage, me.value.id, emoji.emoji);
  return inTone(emoji, toneOf(localStorage, me.value.id));
}

/** The text with the emoji that it names; as it is where they are not here. */
export function emojified(text: string): string {
  return emojiList.value ? withEmoji(text, emojiList.value.byName, toneOf(localStorage, me.value.id)) : text;
}
