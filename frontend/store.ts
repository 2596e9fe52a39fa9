// What the page knows, as signals. Not for: rules (state/), the network (net/), looks (ui/).
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { totalUnread } from "./state/chats";
import { readDraft, writeDraft } from "./state/drafts";
import { type Ephemerals, unsaid } from "./state/ephemerals";
import type { ChatLog } from "./state/log";
import type { Pending } from "./state/outbox";
import { blank } from "./state/page";
import { changesPins } from "./state/pins";
import type { Boot, Chat, Entry, Member, Message, Self } from "./state/types";
import type { Typing } from "./state/typing";

const nobody: Self = {
  id: "",
  username: "",
  display_name: "",
  avatar_url: null,
  kind: "person",
  preferences: {
    enter_sends: true,
    read_receipts: true,
    keywords: [],
    quiet_from: null,
    quiet_to: null,
    time_zone: null,
    quiet_until: null,
    desktop: true,
    sound: false,
  },
};

export const me = signal(nobody);
export const isAdmin = signal(false);
export const chats = signal<readonly Chat[]>([]);
/** The cursor for older chats; null: all are here. */
export const moreChats = signal<string | null>(null);
export const openId = signal<string | null>(null);
export const members = signal<ReadonlyMap<string, readonly Member[]>>(new Map());
export const outbox = signal<readonly Pending[]>([]);
/** Who is here; "away": but not at it. */
export const online = signal<ReadonlyMap<string, "online" | "away">>(new Map());
export const typing = signal<readonly Typing[]>([]);
/** Words to this user alone; changed by net/ephemerals.ts. */
export const ephemerals = signal<Ephemerals>(unsaid);
/** The machine that keeps it complete, with the logs of its chats; changed by net/drive.ts. */
export const page = signal(blank);
/** Live events arrive. */
export const live = computed(() => page.value.socket === "live");
/** The server answers. */
export const reachable = signal(true);
export const signedOut = signal(false);
/** A chat that was opened and is not there for this user. */
export const missing = computed(() => page.value.missing);
/** What a screen reader is told; each new value is read once. */
export const announced = signal("");
/** A short notice on the screen. */
export const toast = signal("");
/** The message that the composer answers or changes; with `thread`, the one beside the log. */
export const composing = signal<{ kind: "reply" | "edit"; message: Message; thread?: string | null } | null>(
  null,
);
/** Grows by one where what is pinned somewhere may have changed. */
export const pinTurns = signal(0);
/** What is asked or told about one message in a dialog. */
export const about = signal<{
  kind: "delete" | "history" | "seen" | "why" | "react";
  message: Message;
} | null>(null);
/** The picture in the large view, and its message. */
export const viewed = signal<{ message: Message; id: string } | null>(null);
/** A message that the log is to go to; `loaded`: its surroundings were asked for, so that what is there has to do. */
export const jump = signal<{ chatId: string; messageId?: string; seq?: number; loaded?: true } | null>(null);

export const openChat = computed(() => chats.value.find((chat) => chat.id === openId.value) ?? null);
export const unread = computed(() => totalUnread(chats.value));
/** Somebody asked for this user by name, in a muted chat too. */
export const mentioned = computed(() => chats.value.some((chat) => (chat.mentions ?? 0) > 0));

const logs = new Map<string, ReadonlySignal<ChatLog | null>>();

/** The log of a chat; null until it is loaded. */
export function logOf(chatId: string): ReadonlySignal<ChatLog | null> {
  const known = logs.get(chatId);
  if (known) return known;
  const made = computed(() => page.value.chats.get(chatId)?.log ?? null);
  logs.set(chatId, made);
  return made;
}

/** Changes a log where it is loaded. */
export function changeLog(chatId: string, change: (log: ChatLog) => ChatLog): void {
  const opened = page.value.chats.get(chatId);
  const log = opened?.log && change(opened.log);
  if (!log || log === opened.log) return;
  page.value = { ...page.value, chats: new Map(page.value.chats).set(chatId, { ...opened, log }) };
}

/** Notes entries that may change what is pinned. */
export function notePins(entries: readonly Entry[]): void {
  if (changesPins(entries)) pinTurns.value++;
}

/** Grows by one with every change of a draft, for whoever shows drafts. */
export const draftChanges = signal(0);

export function draftOf(chatId: string): string {
  return readDraft(localStorage, me.value.id, chatId);
}

export function setDraft(chatId: string, text: string): void {
  if (draftOf(chatId) === text) return;
  writeDraft(localStorage, me.value.id, chatId, text);
  draftChanges.value++;
}

export function setMembers(chatId: string, list: readonly Member[]): void {
  members.value = new Map(members.value).set(chatId, list);
  for (const member of list) setPresence(member.user.id, member);
}

export function setPresence(userId: string, is: { online: boolean; away: boolean }): void {
  const presence = is.online ? (is.away ? "away" : "online") : undefined;
  if (online.value.get(userId) === presence) return;
  const now = new Map(online.value);
  if (presence) now.set(userId, presence);
  else now.delete(userId);
  online.value = now;
}

/** Has a screen reader say this, also where it is what was said last. */
export function announce(text: string): void {
  announced.value = announced.value === text ? `${text}\u00a0` : text;
}

let toastTimer: ReturnType<typeof setTimeout> | undefined;

/** Shows a short notice for a few seconds. */
export function showToast(text: string): void {
  clearTimeout(toastTimer);
  toast.value = text;
  toastTimer = setTimeout(() => {
    toast.value = "";
  }, 4000);
}

/** Fills the store with what the page came with. */
export function fill(boot: Boot): void {
  me.value = boot.user;
  isAdmin.value = boot.is_admin;
  chats.value = boot.chats.chats;
  moreChats.value = boot.chats.next;
  ephemerals.value = { ...unsaid, list: boot.ephemerals };
  for (const chat of boot.chats.chats) if (chat.other) setPresence(chat.other.id, chat);
}
