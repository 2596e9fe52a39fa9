// What live events mean for the store. Not for: the connection (realtime.ts), nor for gaps
// (state/catchup.ts).
import { batch } from "@preact/signals";
import { changeChat, withEntries, withRead } from "../state/chats";
import { readBy } from "../state/members";
import type { Notice } from "../state/notices";
import { aboutMessage, type Entry, type Message, type Self } from "../state/types";
import { startTyping, stillTyping, without } from "../state/typing";
import { chats, me, members, notePins, page, setPresence, typing } from "../store";
import { announceNew } from "./announce";
import { call } from "./api";
import { feed } from "./drive";
import { readEphemerals } from "./ephemerals";
import { toldAway } from "./idle";
import { readSaved } from "./saved";
import { settle } from "./settle";
import { askUnread, unreadThreads } from "./threads";

type LogEvent = { chat_id: string } & ({ entries: Entry[] } | { last_seq: number });

const handlers: Record<string, (data: never) => void> = {
  log: (data: LogEvent) =>
    "entries" in data
      ? takeEntries(data.chat_id, data.entries)
      : feed({ kind: "event", chat: data.chat_id, last_seq: data.last_seq }),
  chats: (data: { chat_id: string; gone?: boolean }) =>
    feed({ kind: data.gone ? "gone" : "changed", chat: data.chat_id }),
  read: (data: { chat_id: string; user_id: string; seq: number }) =>
    data.user_id === me.value.id
      ? takeOwnRead(data.chat_id, data.seq)
      : takeRead(data.chat_id, data.user_id, data.seq),
  me: () =>
    void call<Self>("GET", "/api/users/me").then(
      (user) => (me.value = user),
      () => {},
    ),
  presence: (data: { user_id: string; online: boolean; away: boolean }) => {
    setPresence(data.user_id, data);
    if (data.user_id === me.value.id) toldAway(data.away);
  },
  ephemeral: () => void readEphemerals(),
  saved: () => void readSaved(),
  notify: ({ notifications }: { notifications: Notice[] }) =>
    mayAlert() && void import("./alerts").then(({ show }) => show(notifications)).catch(() => {}),
  typing: (data: { chat_id: string; user_id: string }) => takeTyping(data.chat_id, data.user_id),
};

/** Whether this browser shows notifications; asked for by a click alone, in ui/notices.tsx. */
export const mayAlert = (): boolean => window.Notification?.permission === "granted";

/** Takes one live event; names that are not known are for newer pages. */
export function receive(name: string, data: unknown): void {
  batch(() => handlers[name]?.(data as never));
}

/** Takes entries from an event or from an answer to what was sent. */
export function takeEntries(chatId: string, entries: readonly Entry[]): void {
  feed({ kind: "event", chat: chatId, entries });
  settle(chatId);
  const known = page.peek().known.get(chatId) ?? -1;
  // Where entries are missing in between, the machine has asked for the list.
  if (entries.every(({ seq }) => seq <= known))
    chats.value = changeChat(chats.value, chatId, (chat) => withEntries(chat, entries, me.value.id));
  announceNew(chatId, entries);
  for (const entry of entries) heed(chatId, entry);
  notePins(entries);
}

/** An own message as the server stored it, told by the answer to sending it. */
export function takeMessage(message: Message): void {
  const { chat_id, seq, author, created_at: at } = message;
  takeEntries(chat_id, [{ chat_id, seq, n: 0, kind: "message", at, author, message }]);
}

function heed(chatId: string, entry: Entry): void {
  if (aboutMessage(entry) && entry.message.thread) askUnread();
  if (entry.kind === "message" && entry.author.id !== me.value.id)
    typing.value = without(typing.value, chatId, entry.author.id);
}

function takeRead(chatId: string, userId: string, seq: number): void {
  const list = members.value.get(chatId);
  // Not by setMembers: who was online when the members were read is past.
  if (list) members.value = new Map(members.value).set(chatId, readBy(list, userId, seq));
}

function takeOwnRead(chatId: string, seq: number): void {
  const chat = chats.value.find((each) => each.id === chatId);
  if (!chat || seq <= chat.read_seq) return;
  chats.value = changeChat(chats.value, chatId, (now) => withRead(now, seq, null));
  if (unreadThreads.value > 0) askUnread();
  // Read in part, in another tab: how many are left the server has to say.
  if (seq < chat.last_seq) feed({ kind: "changed", chat: chatId });
}

function takeTyping(chatId: string, userId: string): void {
  if (userId === me.value.id) return;
  const now = Date.now();
  typing.value = startTyping(stillTyping(typing.value, now), chatId, userId, now);
  setTimeout(() => {
    typing.value = stillTyping(typing.value, Date.now());
  }, 6100);
}
