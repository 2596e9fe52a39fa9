// Tells the server how far this user has read and that they are typing. Not for: deciding what was seen (ui/log).
import { calls, changeChat, type Waiting, withRead } from "../state/chats";
import { pause } from "../state/page";
import { TYPING_SENT_MS } from "../state/typing";
import { chats, logOf, me } from "../store";
import { call, csrfToken } from "./api";

/** Long enough to gather what is seen while scrolling. */
const GATHER_MS = 300;

const wanted = new Map<string, number>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();

/** All up to `seq` was on the screen of a visible page. */
export function sawUpTo(chatId: string, seq: number): void {
  const chat = chats.value.find((each) => each.id === chatId);
  if (!chat || seq <= Math.max(chat.read_seq, wanted.get(chatId) ?? 0)) return;
  chats.value = changeChat(chats.value, chatId, (now) => withRead(now, seq, waitingAfter(chatId, seq)));
  wanted.set(chatId, seq);
  if (!timers.has(chatId)) later(chatId, 0, GATHER_MS);
}

function later(chatId: string, failures: number, wait: number): void {
  timers.set(
    chatId,
    setTimeout(() => void tell(chatId, failures), wait),
  );
}

async function tell(chatId: string, failures: number): Promise<void> {
  const seq = wanted.get(chatId) ?? 0;
  try {
    await call("POST", `/api/chats/${chatId}/read`, { seq });
    timers.delete(chatId);
    if ((wanted.get(chatId) ?? 0) > seq) later(chatId, 0, GATHER_MS);
  } catch {
    if (failures < 5) later(chatId, failures + 1, pause(failures));
    else timers.delete(chatId);
  }
}

/** What was seen a moment ago is told before the page is gone. */
export function readOnLeaving(): void {
  addEventListener("pagehide", () => {
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrfToken() };
    for (const chatId of timers.keys()) {
      const body = JSON.stringify({ seq: wanted.get(chatId) });
      void fetch(`/api/chats/${chatId}/read`, { method: "POST", headers, body, keepalive: true });
    }
  });
}

function waitingAfter(chatId: string, seq: number): Waiting | null {
  const rows = logOf(chatId).value?.rows;
  const after = rows?.flatMap((row) => (row.seq > seq && row.message ? [row.message] : []));
  const others = after?.filter(({ author }) => author.id !== me.value.id);
  if (!others) return null;
  const called = others.filter((message) => calls(message, me.value.id));
  return { unread: others.length, mentions: called.length };
}

let toldTyping = 0;

/** A key was pressed in the composer; told at most every three seconds. */
export function isTyping(chatId: string): void {
  const now = Date.now();
  if (now - toldTyping < TYPING_SENT_MS) return;
  toldTyping = now;
  call("POST", `/api/chats/${chatId}/typing`).catch(() => {});
}

/** The next key press is told at once. */
export function stoppedTyping(): void {
  toldTyping = 0;
}
