// Which threads wait for this user, one thread, and following. Not for: counting replies (state/threads.ts).
import { signal } from "@preact/signals";
import type { Message } from "../state/types";
import { call } from "./api";
import { gather } from "./gather";

export interface Standing {
  follow: boolean;
  read_seq: number;
  unread: number;
}
export type Thread = Standing & {
  id: string;
  chat_id: string;
  root: Message | null;
  messages: Message[];
  has_more: boolean;
  as_of: number;
};
export interface Threads {
  threads: { id: string; chat_id: string; root: Message | null; last_at: string; unread: number }[];
  next: string | null;
  unread: number;
}

/** How many followed threads have something new, as last asked. */
export const unreadThreads = signal(0);

/** Asks for the count in a moment: not with each reply, nor all pages at once. */
export const askUnread = gather(() => readThreads(null, 1));

export async function readThreads(cursor: string | null, limit = 20): Promise<Threads> {
  const from = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
  const found = await call<Threads>("GET", `/api/threads?limit=${limit}${from}`);
  unreadThreads.value = found.unread;
  return found;
}

export const readThread = (id: string, before: number | null): Promise<Thread> =>
  call("GET", `/api/messages/${id}/thread?limit=50${before === null ? "" : `&before=${before}`}`);

export async function setThread(
  id: string,
  change: { follow?: boolean; read_seq?: number },
): Promise<Standing> {
  const standing = await call<Standing>("PATCH", `/api/messages/${id}/thread`, change);
  askUnread();
  return standing;
}
