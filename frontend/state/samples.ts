// Sample people, messages, entries and a storage for the unit tests. Not for: the page.
import type { Store } from "./drafts";
import type { Effect, Input, Page, Start } from "./page";
import type { Chat, Entry, Ephemeral, LogPage, MemberEntry, Message, MessageEntry, User } from "./types";

export const ada: User = { id: "a1", username: "ada", display_name: "Ada", avatar_url: null, kind: "person" };
export const bob: User = { id: "b2", username: "bob", display_name: "Bob", avatar_url: null, kind: "person" };
export const bot: User = { id: "c3", username: "ci", display_name: "CI", avatar_url: null, kind: "bot" };

const at = (seq: number) => new Date(Date.UTC(2026, 10, 22, 10, 0, seq)).toISOString();

export function message(seq: number, change: Partial<Message> = {}): Message {
  return {
    id: `m${seq}`,
    chat_id: "c1",
    seq,
    author: ada,
    via: null,
    text: `text ${seq}`,
    html: `<p>text ${seq}</p>`,
    cards: [],
    attachments: [],
    reply_to: null,
    reactions: [],
    edited_at: null,
    deleted: false,
    created_at: at(seq),
    client_id: `client-${seq}`,
    ...change,
  };
}

export function said(seq: number, change: Partial<Message> = {}): MessageEntry {
  const now = message(seq, change);
  return {
    chat_id: "c1",
    seq,
    n: seq,
    kind: "message",
    at: now.created_at,
    author: now.author,
    message: now,
  };
}

/** An edit, entry `seq`, of the message at `target`. */
export function edited(seq: number, target: number, text: string): MessageEntry {
  return { ...said(target, { text }), seq, kind: "edit" };
}

export function joined(seq: number): MemberEntry {
  const base = { chat_id: "c1", seq, n: 0, at: at(seq), author: ada };
  return { ...base, kind: "member", action: "added", user: bob, role: "member" };
}

/** A bot's word to the reader alone, after entry `seq`. */
export function aside(seq: number, change: Partial<Ephemeral> = {}): Ephemeral {
  const text = `aside ${seq}`;
  const fixed = { chat_id: "c1", author: bot, via: null, html: `<p>${text}</p>`, cards: [], at: at(seq) };
  return { id: `e${seq}`, seq, text, ...fixed, ...change };
}

/** A page as `after` gives it. */
export function page(entries: Entry[], change: Partial<LogPage> = {}): LogPage {
  const through = entries.at(-1)?.seq ?? 0;
  return { entries, through, has_more: false, last_seq: entries.at(-1)?.seq ?? through, ...change };
}

/** A page as it is given without `after`: `through` is its lower end. */
export function backwards(entries: Entry[], change: Partial<LogPage> = {}): LogPage {
  const more = change.has_more ?? false;
  return page(entries, { through: more ? (entries[0]?.seq ?? 1) : 1, ...change });
}

export function chat(id: string, change: Partial<Chat> = {}): Chat {
  return {
    id,
    kind: "group",
    name: `Chat ${id}`,
    topic: "",
    avatar_url: null,
    other: null,
    online: false,
    away: false,
    member_count: 2,
    role: "member",
    last_seq: 10,
    last_message: null,
    last_at: at(10),
    read_seq: 10,
    unread: 0,
    muted: false,
    level: null,
    favourite: false,
    ...change,
  };
}

/** A storage in memory whose keys can be listed, as a browser's can. */
export function memoryStore(): Storage {
  const store = Object.create({
    getItem: (key: string) => (store as Record<string, string>)[key] ?? null,
    setItem: (key: string, value: string) => Object.assign(store, { [key]: value }),
    removeItem: (key: string) => Reflect.deleteProperty(store, key),
  }) as Storage & Store;
  return store;
}

/** A case of tests/cases/catchup.json, which says itself how it is written. */
export interface Case {
  name: string;
  start?: Start;
  steps: { at?: number; random?: number; give: Input; do: Effect[]; due?: number | null }[];
  rows: string[];
}

/** An input or a start whose entries are written short, with them in full; as much of them as the machine reads. */
export function writtenOut<T>(given: T): T {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  const parts = Object.entries(given).map(([key, value]) => [
    key,
    key === "entries" ? (value as string[]).map(entryOf) : writtenOut(value),
  ]);
  return Object.fromEntries(parts) as T;
}

/** What chat c shows. */
export function shown(page: Page): string[] {
  const rows = page.chats.get("c")?.log?.rows ?? [];
  return rows.map(({ seq, message: its, entry }) => `${seq} ${its ? its.text : entry.kind}`);
}

function entryOf(short: string): object {
  const [, seq, kind = "message", about = seq, text] =
    /^(\d+): (?:(edit|delete|reaction|media) (\d+): )?(.*)$/.exec(short) ?? [];
  if (text === "member" || text === "chat") return { seq: Number(seq), kind: text };
  return { seq: Number(seq), kind, message: { id: `m${about}`, seq: Number(about), text } };
}
