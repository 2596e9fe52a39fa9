// Who is typing where; a sign of life counts for six seconds. Pure. Not for: telling others (net/sync.ts).

/** How long one sign of typing is shown, and how often one's own is sent, in milliseconds. */
export const TYPING_SHOWN_MS = 6000;
export const TYPING_SENT_MS = 3000;

export interface Typing {
  chatId: string;
  userId: string;
  until: number;
}

/** The list after a sign of typing at `now` (milliseconds). */
export function startTyping(list: readonly Typing[], chatId: string, userId: string, now: number): Typing[] {
  return [...without(list, chatId, userId), { chatId, userId, until: now + TYPING_SHOWN_MS }];
}

/** The list after a message of that person, which ends it. */
export function without(list: readonly Typing[], chatId: string, userId: string): Typing[] {
  return list.filter((typing) => typing.chatId !== chatId || typing.userId !== userId);
}

/** Without those whose time is over at `now`. */
export function stillTyping(list: readonly Typing[], now: number): Typing[] {
  return list.filter((typing) => typing.until > now);
}
