// Keeps chats and logs complete: opens, fetches gaps and older pages, and asks after all chats now and then.
// Not for: live events (net/receive.ts).
import { nextStep, pause, pollPause } from "../state/catchup";
import { removeChat, upsertChats } from "../state/chats";
import { addNewer, addOlder, type ChatLog, heardOf, openLog, trim } from "../state/log";
import type { Chat, ChatDetail, LogPage } from "../state/types";
import {
  changeLog,
  chats,
  forgetLog,
  live,
  logOf,
  missing,
  moreChats,
  openId,
  reachable,
  setMembers,
} from "../store";
import { ApiError, call } from "./api";
import { settle } from "./settle";

const MOST_ROWS = 400;
const KEPT_ROWS = 200;
/** The server takes this many chats in one sync. */
const MOST_SYNCED = 2000;

const busy = new Map<string, Promise<void>>();
const failures = new Map<string, number>();

/** Shows a chat: what is known of it at once, then what is missing. */
export async function openChatNow(chatId: string): Promise<void> {
  missing.value = null;
  try {
    const log = logOf(chatId).value;
    const loaded = log !== null && !log.past;
    await Promise.all([loadDetail(chatId), loaded ? catchUp(chatId, true) : loadNewest(chatId)]);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) dropChat(chatId);
    else retryLater(chatId);
  }
}

/** Fetches what is missing between the log and its chat's newest entry; one fetch per chat at a time. */
export function catchUp(chatId: string, force = false): Promise<void> {
  const running = busy.get(chatId);
  if (running) return running;
  const started = fill(chatId, force)
    .then(() => void failures.delete(chatId))
    .catch(() => retryLater(chatId))
    .finally(() => busy.delete(chatId));
  busy.set(chatId, started);
  return started;
}

/** Loads the page before the log's start. Throws ApiError. */
export async function loadOlder(chatId: string): Promise<void> {
  const log = logOf(chatId).value;
  if (!log || log.start) return;
  const page = await getLog(chatId, `before=${log.from}&limit=50`);
  changeLog(chatId, (now) => addOlder(now, page, log.from));
}

/** Leaves a place in the past for the newest messages. Throws ApiError. */
export async function toPresent(chatId: string): Promise<void> {
  if (logOf(chatId).value?.past) await loadNewest(chatId);
}

/** Reads a chat's name, role and members anew. Throws ApiError. */
export async function loadDetail(chatId: string): Promise<void> {
  takeDetail(await call<ChatDetail>("GET", `/api/chats/${chatId}?limit=1`));
}

export function takeDetail(detail: ChatDetail): void {
  chats.value = upsertChats(chats.value, [detail]);
  setMembers(detail.id, detail.members);
}

/** Starts a log from its newest page, or from one that ends with entry `upTo`. */
export function takePage(chatId: string, page: LogPage, upTo?: number): void {
  logOf(chatId).value = openLog(page, upTo);
  settle(chatId);
}

/** Loads more of the list of chats. Throws ApiError. */
export async function loadMoreChats(): Promise<void> {
  const cursor = moreChats.value;
  if (!cursor) return;
  const path = `/api/chats?cursor=${encodeURIComponent(cursor)}`;
  const page = await call<{ chats: Chat[]; next: string | null }>("GET", path);
  moreChats.value = page.next;
  chats.value = upsertChats(chats.value, page.chats);
}

/** Forgets a chat that the user can no longer see. */
export function dropChat(chatId: string): void {
  chats.value = removeChat(chats.value, chatId);
  forgetLog(chatId);
  if (openId.value === chatId) missing.value = chatId;
}

/** Keeps a long-open log small while its newest rows are what is read. */
export function shorten(chatId: string): void {
  changeLog(chatId, (log) => trim(log, MOST_ROWS, KEPT_ROWS));
}

let poll: ReturnType<typeof setTimeout> | undefined;
let syncing: Promise<void> | null = null;

/** Asks after all chats at once, and again every few seconds from then on. */
export function sync(): Promise<void> {
  clearTimeout(poll);
  syncing ??= askAll()
    .catch(() => {})
    .finally(() => {
      syncing = null;
      syncLater();
    });
  return syncing;
}

/** Asks after all chats in a few seconds, and again from then on. */
export function syncLater(): void {
  clearTimeout(poll);
  poll = setTimeout(() => void sync(), pollPause(live.value && reachable.value));
}

async function askAll(): Promise<void> {
  const known = chats.value.slice(0, MOST_SYNCED).map((chat) => [chat.id, chat.last_seq]);
  const body = { chats: Object.fromEntries(known) };
  const answer = await call<{ changed: Chat[]; gone: string[] }>("POST", "/api/sync", body);
  chats.value = upsertChats(chats.value, answer.changed);
  for (const id of answer.gone) dropChat(id);
  for (const chat of answer.changed) changeLog(chat.id, (log) => heardOf(log, chat.last_seq));
  const open = openId.value;
  if (open && missing.value !== open) await (logOf(open).value ? catchUp(open) : openChatNow(open));
}

async function loadNewest(chatId: string): Promise<void> {
  takePage(chatId, await getLog(chatId, "limit=50"));
}

async function fill(chatId: string, force: boolean): Promise<void> {
  const log = logOf(chatId).value;
  const step = log && nextStep(log, force);
  if (!step) return;
  if (step.kind === "restart") return loadNewest(chatId);
  const page = await getLog(chatId, `after=${step.after}&limit=100`);
  changeLog(chatId, (now) => addNewer(now, page, step.after));
  settle(chatId);
  const moved = (logOf(chatId).value?.through ?? 0) > step.after;
  if (moved) return fill(chatId, false);
  if (logOf(chatId).value && nextStep(logOf(chatId).value as ChatLog))
    throw new Error("The gap is still there.");
}

function retryLater(chatId: string): void {
  const count = failures.get(chatId) ?? 0;
  failures.set(chatId, count + 1);
  setTimeout(() => {
    if (openId.value === chatId) void (logOf(chatId).value ? catchUp(chatId) : openChatNow(chatId));
  }, pause(count));
}

function getLog(chatId: string, query: string): Promise<LogPage> {
  return call<LogPage>("GET", `/api/chats/${chatId}/log?${query}`);
}
