// Fetches what is known of emoji when the first one is asked for. Not for: what that is (emojilist.ts).
import { signal } from "@preact/signals";

/** Null until it is here. */
export const emojis = signal<typeof import("./emojilist") | null>(null);

/** Fetches it once; where it does not come, the next call tries again. */
export async function learnEmoji(): Promise<void> {
  emojis.value ??= await import("./emojilist").catch(() => null);
}

/** The text with the emoji that it names; as it is where they are not here. */
export const emojified = (text: string): string => emojis.value?.emojified(text) ?? text;
