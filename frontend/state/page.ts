// What the page's machine works on: its state, its inputs and effects, its pauses.
// Not for: the rules (catchup.ts, reconnect.ts), nor one chat's rows (log.ts).
import type { ChatLog } from "./log";
import type { Entry, LogPage } from "./types";

/** A chat whose log is loaded, or is being. */
export interface OpenedChat {
  log: ChatLog | null;
  fetching: boolean;
  failures: number;
  /** When to fetch again after a failure. */
  retryAt: number | null;
}

/** All that decides what the page asks for. Times are milliseconds of any clock that only goes forward. */
export interface Page {
  /** `up`: connected, its channels not yet; `refused`: they were refused or have moved; `live`: all are heard. */
  socket: "down" | "up" | "refused" | "live";
  /** Attempts since it was last live. */
  failures: number;
  nudgeAt: number | null;
  renewing: boolean;
  pollAt: number | null;
  syncing: boolean;
  /** Something was missed while a sync was on its way. */
  syncAgain: boolean;
  askedAt: number;
  /** How long the last sync took. */
  delay: number;
  signedOut: boolean;
  open: string | null;
  /** The open chat, where it is not there for this user. */
  missing: string | null;
  /** Up to where the list of chats is right, by chat. */
  known: ReadonlyMap<string, number>;
  chats: ReadonlyMap<string, OpenedChat>;
  /** Chats whose names and members have to be read again. */
  stale: ReadonlySet<string>;
  /** The channels that it was told of, with the page or by `renew`. */
  channels: readonly string[] | null;
}

export type Listed = { id: string; last_seq: number };

/** How the page came; `up_to` where its log ends at an older entry. */
export type Start = {
  chats: Listed[];
  open: string | null;
  page: LogPage | null;
  up_to: number | null;
  channels?: readonly string[];
};

export type Input =
  /** The socket; every state but `connected` counts as disconnected. */
  | { kind: "connected" | "disconnected" }
  /** All channels are subscribed (again). */
  | { kind: "subscribed" }
  /** A subscription failed; the channels have moved. */
  | { kind: "refused" | "moved" }
  /** The answer to `renew`: whether it is another than the connection was made with. */
  | { kind: "renewed"; changed: boolean; channels?: readonly string[] }
  | { kind: "renew_failed" }
  /** A `log` event, or an own message as its sender was answered. */
  | { kind: "event"; chat: string; entries: readonly Entry[] }
  | { kind: "event"; chat: string; last_seq: number }
  /** A `chats` event. */
  | { kind: "changed" | "gone"; chat: string }
  /** Chats that were read, by `detail` or otherwise. */
  | { kind: "listed"; chats: readonly Listed[] }
  /** The answer to `fetch`, or with `after` null to `newest`. */
  | { kind: "page"; chat: string; after: number | null; page: LogPage }
  | { kind: "older"; chat: string; before: number; page: LogPage }
  /** `status` 0: no answer. */
  | { kind: "fetch_failed" | "detail_failed"; chat: string; status: number }
  | { kind: "synced"; changed: readonly Listed[]; gone: readonly string[]; channels?: readonly string[] }
  | { kind: "sync_failed" }
  /** The time that `nextDue` gave has come. */
  | { kind: "tick" }
  /** The tab is visible again, or the network is back. */
  | { kind: "woke" }
  /** Somebody looks at a chat. */
  | { kind: "opened"; chat: string | null }
  /** The end of rows that lie in the past is looked at. */
  | { kind: "more"; chat: string }
  /** A call was answered 401; the session is there again. */
  | { kind: "unauthorised" | "signed_in" };

export type Effect =
  /** Read the log after this entry; its newest page. Both are answered by `page` or `fetch_failed`. */
  | { do: "fetch"; chat: string; after: number }
  | { do: "newest"; chat: string }
  /** Read the chat's name and members; answered by `listed` or `detail_failed`. */
  | { do: "detail"; chat: string }
  /** Ask after all chats, with the seqs that are known of them. */
  | { do: "sync"; chats: Record<string, number> }
  /** Ask how to connect. */
  | { do: "renew" }
  /** End the connection and make it anew, as the newest answer of `renew` says. */
  | { do: "reconnect" }
  /** The chat is gone for this user. */
  | { do: "forget"; chat: string }
  | { do: "signed_out" };

export type Given<K extends Input["kind"]> = Extract<Input, { kind: K }>;

/** One step on its way: `page` is its own copy. */
export interface Turn {
  page: Page;
  now: number;
  random: number;
  effects: Effect[];
}

export const blank: Page = {
  socket: "down",
  failures: 0,
  nudgeAt: null,
  renewing: false,
  pollAt: null,
  syncing: false,
  syncAgain: false,
  askedAt: 0,
  delay: 0,
  signedOut: false,
  open: null,
  missing: null,
  known: new Map(),
  chats: new Map(),
  stale: new Set(),
  channels: null,
};

const SHORT_NUDGE_MS = 3000;
const LONG_NUDGE_MS = 8000;

/** Milliseconds to wait after the nth failure in a row (from 0): 1, 2, 4, 8 s, each between half and whole. */
export function pause(failures: number, random = Math.random()): number {
  return 1000 * 2 ** Math.min(failures, 3) * (0.5 + random / 2);
}

/** The same for the connection, but at most 3 s; longer where the server's last answer took long to come. */
export function nudgePause(failures: number, delay: number, random: number): number {
  // A new connection takes a few round trips; on a slow network it must not be cut short again and again.
  const most = Math.min(Math.max(8 * delay, SHORT_NUDGE_MS), LONG_NUDGE_MS);
  return Math.min(1000 * 2 ** Math.min(failures, 3), most) * (0.5 + random / 2);
}

/** Milliseconds until the next poll of all chats: 8 s with a live socket, 5 s without, two or one more or less. */
export function pollPause(live: boolean, random: number): number {
  return live ? 6000 + random * 4000 : 4000 + random * 2000;
}
