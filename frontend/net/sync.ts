// Asks the server for chats and logs, as the page's machine or a person wants it. Not for: when (state/catchup.ts),
// nor for live events (receive.ts).
import { removeChat, upsertChats } from "../state/chats";
import { heardOf, keepAround, openLog, trim } from "../state/log";
import { asRead } from "../state/members";
import type { Chat, ChatDetail, Ephemeral, LogPage } from "../state/types";
import { changeLog, chats, logOf, members, moreChats, notePins, setMembers, signedOut } from "../store";
import { announceNew } from "./announce";
import { ApiError, call } from "./api";
import { type Acts, feed } from "./drive";
import { askNumber, takeEphemerals } from "./ephemerals";
import { settle } from "./settle";

/** An answer that takes longer is given up: what went wrong on the way may be over, and the next try gets through. */
const PATIENCE_MS = 8000;
/** The last entry of each chat when its members were read. */
const membersAsOf = new Map<string, number>();

export const syncActs: Omit<Acts, "renew" | "reconnect"> = {
  fetch: ({ chat, after }) => void fetchLog(chat, after, `after=${after}&limit=100`),
  newest: ({ chat }) => void fetchLog(chat, null, "limit=50"),
  detail: ({ chat }) => void readDetail(chat),
  sync: (effect) => void sync(effect.chats),
  forget: ({ chat }) => {
    chats.value = removeChat(chats.value, chat);
  },
  signed_out: () => {
    signedOut.value = true;
  },
};

/** Loads the page before the log's start. Throws ApiError. */
export async function loadOlder(chatId: string): Promise<void> {
  const log = logOf(chatId).value;
  if (!log || log.start) return;
  const page = await getLog(chatId, `before=${log.from}&limit=100`);
  feed({ kind: "older", chat: chatId, before: log.from, page });
}

/** Leaves a place in the past for the newest messages. Throws ApiError. */
export async function toPresent(chatId: string): Promise<void> {
  if (!logOf(chatId).value?.past) return;
  feed({ kind: "page", chat: chatId, after: null, page: await getLog(chatId, "limit=50") });
  settle(chatId);
}

/** Puts the page around an entry in the place of what is loaded. Throws ApiError. */
export async function loadAround(chatId: string, seq: number): Promise<void> {
  const page = await getLog(chatId, `before=${seq + 25}&limit=50`);
  const end = page.entries.at(-1)?.seq;
  if (end) changeLog(chatId, ({ last }) => heardOf(openLog(page, end), last));
}

/** Puts chats that the server told of into the list. */
export function takeChats(list: readonly Chat[]): void {
  chats.value = upsertChats(chats.value, list);
  feed({ kind: "listed", chats: list });
}

export function takeDetail(detail: ChatDetail): void {
  takeMembers(detail);
  takeChats([detail]);
}

// Of two answers that crossed, the older one would bring back who is gone.
function takeMembers({ id, last_seq, members: list }: ChatDetail): void {
  if (last_seq < (membersAsOf.get(id) ?? 0)) return;
  membersAsOf.set(id, last_seq);
  setMembers(id, asRead(list, members.value.get(id) ?? []));
}

/** Loads more of the list of chats. Throws ApiError. */
export async function loadMoreChats(): Promise<void> {
  const cursor = moreChats.value;
  if (!cursor) return;
  const path = `/api/chats?cursor=${encodeURIComponent(cursor)}`;
  const page = await call<{ chats: Chat[]; next: string | null }>("GET", path);
  moreChats.value = page.next;
  takeChats(page.chats);
}

/** Keeps a log small however far one scrolls: by its newest rows, or by those around the one that is looked at. */
export function shorten(chatId: string, seq: number | null): void {
  changeLog(chatId, (log) => (seq === null ? trim(log) : keepAround(log, seq)));
}

async function fetchLog(chat: string, after: number | null, query: string): Promise<void> {
  try {
    const page = await getLog(chat, query);
    const past = logOf(chat).value?.past;
    feed({ kind: "page", chat, after, page });
    settle(chat);
    if (after !== null && !past) announceNew(chat, page.entries);
    notePins(page.entries);
  } catch (error) {
    feed({ kind: "fetch_failed", chat, status: statusOf(error) });
  }
}

/** The chat and its members as they are now. */
export async function readDetail(chat: string): Promise<void> {
  try {
    takeDetail(await call<ChatDetail>("GET", `/api/chats/${chat}?limit=1`, undefined, PATIENCE_MS));
  } catch (error) {
    feed({ kind: "detail_failed", chat, status: statusOf(error) });
  }
}

async function sync(known: Record<string, number>): Promise<void> {
  type Answer = { changed: Chat[]; gone: string[]; channels: string[]; ephemerals?: Ephemeral[] };
  const asked = askNumber();
  try {
    const answer = await call<Answer>("POST", "/api/sync", { chats: known }, PATIENCE_MS);
    chats.value = upsertChats(chats.value, answer.changed);
    const { changed, gone, channels } = answer;
    feed({ kind: "synced", changed, gone, channels });
    if (answer.ephemerals) takeEphemerals(answer.ephemerals, asked);
  } catch {
    feed({ kind: "sync_failed" });
  }
}

function getLog(chatId: string, query: string): Promise<LogPage> {
  return call<LogPage>("GET", `/api/chats/${chatId}/log?${query}`, undefined, PATIENCE_MS);
}

const statusOf = (error: unknown): number => (error instanceof ApiError ? error.status : 0);
