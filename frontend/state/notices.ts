// What notified this user, as the server tells it, and why. Not for: showing it (net/alerts.ts).
import type { Preferences, User } from "./types";

export type Level = "all" | "mentions" | "none";

export interface Notice {
  message_id: string;
  chat_id: string;
  seq: number;
  /** A group's; null: a direct chat. */
  chat_name: string | null;
  author: User;
  text: string;
  attachments: number;
  at: string;
  reason: string;
}

export interface Why {
  notified: boolean;
  reason: string;
  at: string | null;
}

type Shown = ReadonlyMap<string, number>;

/** What is still to be shown, the newest of each chat: not what is on the screen, was shown, or is read. */
export function due(
  notices: readonly Notice[],
  { desktop }: Pick<Preferences, "desktop">,
  lookedAt: ReadonlySet<string>,
  shown: Shown,
  readSeq: (chatId: string) => number,
): Notice[] {
  const newest = new Map<string, Notice>();
  for (const each of desktop ? notices : []) {
    const past = Math.max(shown.get(each.chat_id) ?? 0, readSeq(each.chat_id));
    const known = newest.get(each.chat_id)?.seq ?? past;
    if (!lookedAt.has(each.chat_id) && each.seq > known) newest.set(each.chat_id, each);
  }
  return [...newest.values()];
}
