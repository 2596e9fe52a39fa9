// What somebody has typed and not sent, per chat, kept in the browser. Not for: messages on their way (outbox.ts).

/** The part of `localStorage` that is used, so that tests need no browser. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const key = (userId: string, chatId: string) => `infitalks.draft.${userId}.${chatId}`;

/** The draft of a chat, or "". */
export function readDraft(store: Store, userId: string, chatId: string): string {
  return store.getItem(key(userId, chatId)) ?? "";
}

/** Keeps a draft; blank text removes it. */
export function writeDraft(store: Store, userId: string, chatId: string, text: string): void {
  if (text.trim()) store.setItem(key(userId, chatId), text);
  else store.removeItem(key(userId, chatId));
}
