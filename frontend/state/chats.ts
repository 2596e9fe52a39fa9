// The list of chats: newest first, with what is unread. Pure. Not for: what is inside a chat (log.ts).
import { filesIn } from "./files";
import { aboutMessage, type Chat, type Entry, type LastMessage, type Message } from "./types";

/** The list with `incoming` put in; of two states of one chat the newer one is kept. */
export function upsertChats(list: readonly Chat[], incoming: readonly Chat[]): Chat[] {
  const byId = new Map(list.map((chat) => [chat.id, chat]));
  for (const chat of incoming) byId.set(chat.id, newest(byId.get(chat.id), chat));
  return [...byId.values()].sort(byActivity);
}

export function removeChat(list: readonly Chat[], id: string): Chat[] {
  return list.filter((chat) => chat.id !== id);
}

/** The list with one chat changed. */
export function changeChat(list: readonly Chat[], id: string, change: (chat: Chat) => Chat): Chat[] {
  return list.map((chat) => (chat.id === id ? change(chat) : chat)).sort(byActivity);
}

/** Up to where a chat is known after live entries, or null where some are missing in between. */
export function followed(known: number | undefined, entries: readonly Entry[]): number | null {
  if (known === undefined) return null;
  let top = known;
  for (const seq of entries.map((entry) => entry.seq).sort((a, b) => a - b)) {
    if (seq > top + 1) return null;
    top = Math.max(top, seq);
  }
  return top;
}

/** The chat after live entries with none missing in between. */
export function withEntries(chat: Chat, entries: readonly Entry[], userId: string): Chat {
  const fresh = entries.filter((entry) => entry.seq > chat.last_seq).sort((a, b) => a.seq - b.seq);
  return fresh.reduce((now, entry) => (entry.seq > now.last_seq ? withEntry(now, entry, userId) : now), chat);
}

/** How many messages wait, and how many of them call this user. */
export interface Waiting {
  unread: number;
  mentions: number;
}

/** The chat as read up to `seq`; `waiting` is what is left after it, where the caller knows. */
export function withRead(chat: Chat, seq: number, waiting: Waiting | null): Chat {
  if (seq <= chat.read_seq) return chat;
  const { unread, mentions = 0 } = seq >= chat.last_seq ? { unread: 0 } : (waiting ?? chat);
  return {
    ...chat,
    read_seq: seq,
    unread: Math.min(chat.unread, unread),
    mentions: Math.min(chat.mentions ?? 0, mentions),
  };
}

/** Whether a message calls this user by name, or everybody; one's own calls nobody. */
export function calls(message: Message, userId: string): boolean {
  if (message.author.id === userId) return false;
  return Boolean(message.mentions_all || message.mentions?.includes(userId));
}

/** How many messages wait, not counting muted chats. */
export function totalUnread(list: readonly Chat[]): number {
  return list.reduce((sum, chat) => sum + (chat.muted ? 0 : chat.unread), 0);
}

/** The chats whose name has all the words of `query`, in any case. */
export function matching(list: readonly Chat[], query: string): readonly Chat[] {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((chat) => words.every((word) => chat.name.toLocaleLowerCase().includes(word)));
}

function withEntry(chat: Chat, entry: Entry, userId: string): Chat {
  const next = { ...chat, last_seq: entry.seq };
  if (entry.kind === "message") {
    const mine = entry.author.id === userId;
    next.last_message = lineOf(entry.message);
    next.last_at = entry.at;
    next.unread = mine ? 0 : chat.unread + 1;
    next.mentions = mine ? 0 : (chat.mentions ?? 0) + Number(calls(entry.message, userId));
    if (mine) next.read_seq = entry.seq;
  } else if (aboutMessage(entry) && entry.message.id === chat.last_message?.id) {
    next.last_message = lineOf(entry.message);
  } else if (entry.kind === "chat") {
    if (entry.changes.name) next.name = entry.changes.name;
    if (entry.changes.topic !== undefined) next.topic = entry.changes.topic ?? "";
  }
  return next;
}

function lineOf(message: Message): LastMessage {
  const { id, seq, author, text, attachments, deleted, created_at } = message;
  const files = filesIn(attachments);
  return { id, seq, author, text, attachments: attachments.length, files, deleted, created_at };
}

function newest(known: Chat | undefined, incoming: Chat): Chat {
  if (!known) return incoming;
  if (incoming.last_seq < known.last_seq) return known;
  if (incoming.read_seq >= known.read_seq) return incoming;
  // What was read here is still on its way to the server.
  const unread = Math.min(incoming.unread, known.unread + incoming.last_seq - known.last_seq);
  const mentions = Math.min(incoming.mentions ?? 0, unread);
  return { ...incoming, read_seq: known.read_seq, unread, mentions };
}

function byActivity(a: Chat, b: Chat): number {
  return b.last_at.localeCompare(a.last_at) || b.id.localeCompare(a.id);
}
