// How the page stays complete: one pure machine that says what to ask for and when. It takes what happened, the time
// and a random number. Not for: doing it (net/). tests/faults/catchup.py is its port, held to the same cases.
import { followed } from "./chats";
import { addLive, addNewer, addOlder, type ChatLog, heardOf, nextStep, openLog, setAside } from "./log";
import {
  blank,
  type Effect,
  type Given,
  type Input,
  type OpenedChat,
  type Page,
  pause,
  pollPause,
  type Start,
  type Turn,
} from "./page";
import * as socket from "./reconnect";
import { aboutMessage, type Entry, type LogPage } from "./types";

/** The server takes this many chats in one sync. */
const MOST_SYNCED = 2000;
const nothing: OpenedChat = { log: null, fetching: false, failures: 0, retryAt: null };

export type Stepped = { page: Page; effects: Effect[] };

/** The page as it came. */
export function begin(start: Start, now: number, random: number): Page {
  const known = new Map(start.chats.map((chat) => [chat.id, chat.last_seq]));
  const { open, channels = null } = start;
  const turn: Turn = { page: { ...blank, open, known, channels }, now, random, effects: [] };
  const log = start.page && openLog(start.page, start.up_to ?? undefined);
  if (open) put(turn, open, { ...nothing, log });
  socket.schedule(turn);
  pollLater(turn, false);
  return turn.page;
}

/** The page after this input, and what is to be done, in this order. `now` in ms, `random` from 0 to 1. */
export function step(page: Page, input: Input, now: number, random: number): Stepped {
  const turn: Turn = { page: { ...page }, now, random, effects: [] };
  handlers[input.kind](turn, input as never);
  return { page: turn.page, effects: turn.effects };
}

/** When `tick` is to be given next; null: only something else can change anything. */
export function nextDue(page: Page): number | null {
  const times = [page.nudgeAt, page.pollAt, ...[...page.chats.values()].map((chat) => chat.retryAt)];
  const due = times.filter((time) => time !== null);
  return due.length > 0 ? Math.min(...due) : null;
}

// All chats.

function sync(turn: Turn): void {
  const { page } = turn;
  if (page.signedOut) return;
  // What was asked before may have been read before.
  if (page.syncing) page.syncAgain = true;
  else {
    Object.assign(page, { syncing: true, askedAt: turn.now, pollAt: null });
    turn.effects.push({ do: "sync", chats: Object.fromEntries([...page.known].slice(0, MOST_SYNCED)) });
  }
}

function onSynced(turn: Turn, { changed, gone, channels }: Given<"synced">): void {
  const { page } = turn;
  page.delay = turn.now - page.askedAt;
  page.syncing = false;
  for (const chat of gone) forget(turn, chat);
  onListed(turn, { kind: "listed", chats: changed });
  for (const chat of [...page.stale].sort()) detail(turn, chat);
  page.stale = new Set();
  if (page.open) fill(turn, page.open);
  socket.onTold(turn, channels);
  askOn(turn, page.socket === "live");
}

function onSyncFailed(turn: Turn): void {
  turn.page.syncing = false;
  askOn(turn, false);
}

function askOn(turn: Turn, live: boolean): void {
  const again = turn.page.syncAgain;
  turn.page.syncAgain = false;
  if (again) sync(turn);
  else pollLater(turn, live);
}

function pollLater(turn: Turn, live: boolean): void {
  turn.page.pollAt = turn.page.signedOut ? null : turn.now + pollPause(live, turn.random);
}

function onListed(turn: Turn, { chats }: Given<"listed">): void {
  for (const { id, last_seq } of chats) {
    hear(turn, id, last_seq);
    know(turn, id, last_seq);
    // It is back again.
    if (turn.page.missing === id) turn.page.missing = null;
  }
  const open = chats.find((chat) => chat.id === turn.page.open);
  if (open) fill(turn, open.id);
}

function know(turn: Turn, chat: string, seq: number): void {
  const { known } = turn.page;
  if (seq > (known.get(chat) ?? -1)) turn.page.known = new Map(known).set(chat, seq);
}

function forget(turn: Turn, chat: string): void {
  const { page } = turn;
  page.known = new Map([...page.known].filter(([id]) => id !== chat));
  page.chats = new Map([...page.chats].filter(([id]) => id !== chat));
  page.stale = new Set([...page.stale].filter((id) => id !== chat));
  if (page.open === chat) page.missing = chat;
  turn.effects.push({ do: "forget", chat });
}

// One chat.

function onEvent(turn: Turn, given: Given<"event">): void {
  const { chat } = given;
  if ("entries" in given) {
    change(turn, chat, (log) => addLive(log, given.entries));
    if (chat !== turn.page.open) change(turn, chat, setAside);
    advance(turn, chat, given.entries);
    lookAgain(turn, chat, given.entries);
  } else {
    hear(turn, chat, given.last_seq);
    sync(turn);
  }
  if (chat === turn.page.open) fill(turn, chat);
}

/** The list follows the events where none is missing in between; else the server is asked. */
function advance(turn: Turn, chat: string, entries: readonly Entry[]): void {
  const top = followed(turn.page.known.get(chat), entries);
  if (top === null) sync(turn);
  else know(turn, chat, top);
}

/** Names, roles and members are read anew after entries about them. */
function lookAgain(turn: Turn, chat: string, entries: readonly Entry[]): void {
  if (!entries.every(aboutMessage)) detail(turn, chat);
}

function detail(turn: Turn, chat: string): void {
  if (!turn.page.signedOut) turn.effects.push({ do: "detail", chat });
}

function onDetailFailed(turn: Turn, { chat, status }: Given<"detail_failed">): void {
  if (status === 404) forget(turn, chat);
  else turn.page.stale = new Set(turn.page.stale).add(chat);
}

function onOpened(turn: Turn, { chat }: Given<"opened">): void {
  const { open } = turn.page;
  if (open !== null && open !== chat) change(turn, open, setAside);
  turn.page.open = chat;
  turn.page.missing = null;
  if (chat === null) return;
  const opened = turn.page.chats.get(chat) ?? nothing;
  put(turn, chat, opened);
  detail(turn, chat);
  fill(turn, chat, { force: true, newest: opened.log?.past ?? false });
}

function onMore(turn: Turn, { chat }: Given<"more">): void {
  if (turn.page.chats.has(chat)) fill(turn, chat, { force: true });
}

/** Fetches what is missing of a chat; one fetch at a time. */
function fill(turn: Turn, chat: string, { force = false, newest = false } = {}): void {
  const opened = turn.page.chats.get(chat) ?? nothing;
  if (turn.page.signedOut || turn.page.missing === chat || opened.fetching) return;
  const wanted = newest || !opened.log ? "restart" : nextStep(opened.log, force);
  if (wanted === null) return;
  put(turn, chat, { ...opened, fetching: true, retryAt: null });
  turn.effects.push(wanted === "restart" ? { do: "newest", chat } : { do: "fetch", chat, after: wanted });
}

function onPage(turn: Turn, { chat, after, page }: Given<"page">): void {
  const opened = turn.page.chats.get(chat);
  // Gone meanwhile.
  if (!opened) return;
  const read = after === null ? started(opened.log, page) : opened.log && addNewer(opened.log, page, after);
  // Whatever lies between the two is not read.
  if (after === null && opened.log && read !== opened.log) detail(turn, chat);
  const log = read && heardOf(read, turn.page.known.get(chat) ?? 0);
  put(turn, chat, { log, fetching: false, failures: 0, retryAt: null });
  const fresh = page.entries.filter(({ seq }) => after !== null && seq > after);
  lookAgain(turn, chat, fresh);
  if (inVain(log, after)) fail(turn, chat, opened.failures);
  else if (chat === turn.page.open) fill(turn, chat);
}

/** A log begun anew keeps what came live meanwhile. */
function started(log: ChatLog | null, page: LogPage): ChatLog {
  if (log && !log.past && log.through >= page.last_seq) return log;
  return addLive(openLog(page), [...(log?.early.values() ?? [])]);
}

/** Whether the very same would be fetched again. */
function inVain(log: ChatLog | null, after: number | null): boolean {
  const wanted = log && nextStep(log);
  return after === null ? wanted === "restart" : wanted === after;
}

function onOlder(turn: Turn, { chat, before, page }: Given<"older">): void {
  change(turn, chat, (log) => addOlder(log, page, before));
}

function onFetchFailed(turn: Turn, { chat, status }: Given<"fetch_failed">): void {
  if (status === 404) forget(turn, chat);
  else fail(turn, chat, turn.page.chats.get(chat)?.failures ?? 0);
}

function fail(turn: Turn, chat: string, failures: number): void {
  const opened = turn.page.chats.get(chat);
  const retryAt = turn.now + pause(failures, turn.random);
  if (opened) put(turn, chat, { ...opened, fetching: false, failures: failures + 1, retryAt });
}

function hear(turn: Turn, chat: string, seq: number): void {
  change(turn, chat, (log) => heardOf(log, seq));
}

function change(turn: Turn, chat: string, how: (log: ChatLog) => ChatLog): void {
  const opened = turn.page.chats.get(chat);
  if (opened?.log) put(turn, chat, { ...opened, log: how(opened.log) });
}

function put(turn: Turn, chat: string, opened: OpenedChat): void {
  turn.page.chats = new Map(turn.page.chats).set(chat, opened);
}

// The clock, the connection and the person.

function onTick(turn: Turn): void {
  const { page, now } = turn;
  const due = (at: number | null) => at !== null && at <= now;
  if (due(page.nudgeAt)) socket.nudge(turn);
  if (due(page.pollAt)) sync(turn);
  for (const [chat, opened] of page.chats) {
    if (!due(opened.retryAt)) continue;
    put(turn, chat, { ...opened, retryAt: null });
    if (chat === page.open) fill(turn, chat);
  }
}

function onUnauthorised(turn: Turn): void {
  const { page } = turn;
  page.nudgeAt = page.pollAt = null;
  if (!page.signedOut) turn.effects.push({ do: "signed_out" });
  page.signedOut = true;
}

function onSignedIn(turn: Turn): void {
  turn.page.signedOut = false;
  if (turn.page.socket === "up") turn.page.socket = "refused";
  socket.hurry(turn);
  sync(turn);
}

const handlers: { [K in Input["kind"]]: (turn: Turn, given: Given<K>) => void } = {
  connected: socket.onConnected,
  disconnected: socket.onDisconnected,
  subscribed: (turn) => {
    socket.onSubscribed(turn);
    sync(turn);
  },
  refused: socket.onRefused,
  moved: socket.onRefused,
  renewed: socket.onRenewed,
  renew_failed: socket.onRenewFailed,
  event: onEvent,
  changed: (turn, { chat }) => detail(turn, chat),
  gone: (turn, { chat }) => forget(turn, chat),
  listed: onListed,
  page: onPage,
  older: onOlder,
  fetch_failed: onFetchFailed,
  detail_failed: onDetailFailed,
  synced: onSynced,
  sync_failed: onSyncFailed,
  tick: onTick,
  woke: (turn) => {
    socket.hurry(turn);
    sync(turn);
  },
  opened: onOpened,
  more: onMore,
  unauthorised: onUnauthorised,
  signed_in: onSignedIn,
};
