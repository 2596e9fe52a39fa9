// Which chat is open, as the address says it. Not for: loading it (state/catchup.ts).
import { openId } from "./store";

const CHAT = /^\/c\/([0-9a-f]{24})(?:\/(\d+))?$/;

/** The page's address of a chat; without one, of the list. */
export const pathOf = (chatId: string | null): string => (chatId ? `/c/${chatId}` : "/c");

/** The chat and message number in an address. */
export function readPath(path: string): { chatId: string | null; seq: number | null } {
  const found = CHAT.exec(path);
  return { chatId: found?.[1] ?? null, seq: found?.[2] ? Number(found[2]) : null };
}

/** Opens a chat, or with null the list, as a new step of the history. */
export function go(chatId: string | null): void {
  if (openId.value === chatId) return;
  history.pushState(null, "", pathOf(chatId));
  openId.value = chatId;
}

/** A click on a link to a chat stays on this page, unless a key asks for a new tab. */
export function follow(event: MouseEvent, chatId: string | null): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(chatId);
}

/** Back and Forward open what they lead to. */
export function watchHistory(): void {
  addEventListener("popstate", () => {
    openId.value = readPath(location.pathname).chatId;
  });
}
