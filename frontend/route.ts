// Which chat and panel are open, as the address says it, and where in it one was reading, as the history keeps it.
// Not for: loading the chat (state/catchup.ts).
import { batch, signal } from "@preact/signals";
import { openId } from "./store";

const CHAT = /^\/c\/([0-9a-f]{24})(?:\/(\d+))?$/;

/** A place in a log: its first row in view and how far that stood below the top, in pixels. */
export type Place = { seq: number; top: number };

/** The panel beside the chat, by the name in `?panel=`; null: none. */
export const panel = signal<string | null>(null);
/** Where Back or Forward lead within the open chat, unless to its end; whoever goes there clears it. */
export const returning = signal<{ chatId: string; place: Place } | null>(null);

/** The page's address of a chat, without one of the list; with a panel beside it. */
export function pathOf(chatId: string | null, beside: string | null = null): string {
  return `/c${chatId ? `/${chatId}` : ""}${beside ? `?panel=${encodeURIComponent(beside)}` : ""}`;
}

/** The chat and message number in an address. */
export function readPath(path: string): { chatId: string | null; seq: number | null } {
  const found = CHAT.exec(path);
  return { chatId: found?.[1] ?? null, seq: found?.[2] ? Number(found[2]) : null };
}

const panelNow = (): string | null => new URLSearchParams(location.search).get("panel");

/** Opens a chat, or with null the list, as a new step of the history. */
export function go(chatId: string | null, beside: string | null = null): void {
  if (openId.value === chatId && panel.value === beside) return;
  keepPlace();
  history.pushState(null, "", pathOf(chatId, beside));
  batch(() => {
    openId.value = chatId;
    panel.value = beside;
  });
}

/** Opens a panel beside the open chat, or with null closes it, as a new step of the history. */
export const showPanel = (name: string | null): void => go(openId.value, name);

/** A click on a link to a chat stays on this page, unless a key asks for a new tab. */
export function follow(event: MouseEvent, chatId: string | null): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(chatId);
}

/** Back and Forward open what they lead to, where one was in it; so does a page that is loaded anew. */
export function watchHistory(): void {
  history.scrollRestoration = "manual";
  panel.value = panelNow();
  comeBack();
  addEventListener("popstate", () =>
    batch(() => {
      openId.value = readPath(location.pathname).chatId;
      panel.value = panelNow();
      comeBack();
    }),
  );
  addEventListener("pagehide", keepPlace);
  // Before Back and Forward the browser has already gone to the other entry, so it is kept as one reads.
  document.addEventListener("scroll", keepSoon, { capture: true, passive: true });
}

function comeBack(): void {
  const place = (history.state as { place?: Place | null } | null)?.place;
  const chatId = openId.value;
  returning.value = chatId && place ? { chatId, place } : null;
}

let soon: ReturnType<typeof setTimeout> | undefined;

function keepSoon(event: Event): void {
  if (!(event.target as Element).matches?.(".log")) return;
  clearTimeout(soon);
  const entry = location.href;
  // Browsers slow down pages that write their history with each frame.
  soon = setTimeout(() => entry === location.href && keepPlace(), 200);
}

function keepPlace(): void {
  clearTimeout(soon);
  const place = placeNow();
  if (place !== undefined) history.replaceState({ ...history.state, place }, "");
}

/** Null: at the end, where a chat opens anyway. Undefined: nowhere. */
function placeNow(): Place | null | undefined {
  const box = document.querySelector(".log");
  if (!box || !openId.value) return undefined;
  if (box.scrollHeight - box.clientHeight - box.scrollTop <= 24) return null;
  const { top } = box.getBoundingClientRect();
  const rows = [...box.querySelectorAll<HTMLElement>("[data-seq]")];
  const first = rows.find((row) => row.getBoundingClientRect().bottom > top);
  return first && { seq: Number(first.dataset.seq), top: first.getBoundingClientRect().top - top };
}
