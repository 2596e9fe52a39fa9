// Messages that this browser has not seen confirmed, each under a storage key of its own so that two tabs
// never overwrite each other's. Not for: sending (net/sender.ts).
import type { Store } from "./drafts";
import type { Attachment, Entry } from "./types";

export interface Pending {
  client_id: string;
  chat_id: string;
  text: string;
  attachments: Attachment[];
  /** A message's id. */
  reply_to: string | null;
  /** ISO time by this device's clock; only for looks and for giving up. */
  created_at: string;
  /** `sent`: the server has it, the log not yet. */
  state: "sending" | "sent" | "failed";
  /** Why it failed, in words for people; null while it has not. */
  error: string | null;
  /** Whether trying again by itself may help: the network or the server was away. */
  passing: boolean;
}

const prefix = (userId: string) => `infitalks.outbox.${userId}.`;

/** What was left behind, oldest first. Unreadable entries are dropped. */
export function readOutbox(store: Storage, userId: string): Pending[] {
  const found: Pending[] = [];
  for (const key of Object.keys(store)) {
    if (!key.startsWith(prefix(userId))) continue;
    const pending = parse(store.getItem(key));
    if (pending) found.push(pending);
    else store.removeItem(key);
  }
  return found.sort((a, b) => a.created_at.localeCompare(b.created_at));
}

/** Keeps a message over a reload. */
export function keep(store: Store, userId: string, pending: Pending): void {
  store.setItem(prefix(userId) + pending.client_id, JSON.stringify(pending));
}

/** Forgets a message that is confirmed or was given up. */
export function forget(store: Store, userId: string, clientId: string): void {
  store.removeItem(prefix(userId) + clientId);
}

/** The client ids among `entries` that confirm a message of `userId`. */
export function confirmedIn(entries: readonly Entry[], userId: string): string[] {
  return entries.flatMap((entry) =>
    entry.kind === "message" && entry.author.id === userId ? [entry.message.client_id] : [],
  );
}

/** The outbox with one message changed. */
export function changed(list: readonly Pending[], clientId: string, change: Partial<Pending>): Pending[] {
  return list.map((pending) => (pending.client_id === clientId ? { ...pending, ...change } : pending));
}

function parse(text: string | null): Pending | null {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return isPending(value) ? value : null;
  } catch {
    return null;
  }
}

function isPending(value: unknown): value is Pending {
  if (typeof value !== "object" || value === null) return false;
  const { client_id, chat_id, text, attachments } = value as Partial<Pending>;
  return [client_id, chat_id, text].every((field) => typeof field === "string") && Array.isArray(attachments);
}
