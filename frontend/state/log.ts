// One chat's log as the page knows it: a complete range of rows, and what arrived too early for it.
// Pure: every function gives a new log. Not for: when to fetch what is missing (catchup.ts), nor looks (timeline.ts).
import { aboutMessage, type Entry, type LogPage, type Message, type MessageEntry } from "./types";

/** Beyond this many missing entries it is quicker to start again from the newest page. */
const FAR_BEHIND = 500;
const MOST_ROWS = 400;
const KEPT_ROWS = 200;
/** Above and below what is looked at, where there are more than MOST_ROWS. */
const AROUND = 150;

/** An entry that is shown. `version`: the seq as of which `message` is known to be right. */
export interface Row {
  seq: number;
  entry: Entry;
  message: Message | null;
  version: number;
}

type Known = { message: Message; version: number };

export interface ChatLog {
  /** Ascending; all that the user may see from `from` to `through`. */
  rows: readonly Row[];
  from: number;
  through: number;
  /** Nothing older exists. */
  start: boolean;
  /** It ends in the past, at an old message that was asked for; newer ones are loaded as they are scrolled to. */
  past: boolean;
  /** Its rows show what happened to them up to this entry, which may lie beyond `through` where it ends in the past. */
  asOf: number;
  /** The highest seq heard of; above `through`, something is missing. */
  last: number;
  /** Entries beyond a gap. */
  early: ReadonlyMap<number, Entry>;
  /** The newest known states of messages that are no rows: no page can bring back a past text, and quotes have words. */
  unloaded: ReadonlyMap<number, Known>;
}

type Work = { rows: Row[]; unloaded: Map<number, Known> };

/** The log that a page without `after` starts: the newest one, or with `upTo` one that ends there. */
export function openLog(page: LogPage, upTo = page.last_seq): ChatLog {
  const from = startOf(page);
  const work: Work = { rows: [], unloaded: new Map() };
  for (const entry of page.entries) apply(work, entry, page.last_seq);
  const last = Math.max(page.last_seq, upTo);
  const ends = { through: upTo, past: upTo < last, asOf: last, last };
  return { ...work, ...ends, from, start: !page.has_more, early: new Map() };
}

/** Takes live entries, in any order and any number of times; those beyond a gap wait, but not too many of them. */
export function addLive(log: ChatLog, entries: readonly Entry[]): ChatLog {
  const early = new Map(log.early);
  for (const entry of entries) if (entry.seq > log.through) early.set(entry.seq, entry);
  const last = Math.max(log.last, ...entries.map((entry) => entry.seq));
  const drained = drain({ ...log, last, early });
  const kept = drained.early.size > FAR_BEHIND ? withoutEarly(drained) : drained;
  return log.past ? renewed(kept, entries) : kept;
}

/** Who reads in the past sees what happens to what they read, though the entries lie beyond what is loaded. */
function renewed(log: ChatLog, entries: readonly Entry[]): ChatLog {
  const work = workOn(log);
  let asOf = shownTo(log);
  for (const entry of entries.toSorted((a, b) => a.seq - b.seq)) {
    if (entry.seq === asOf + 1) asOf = entry.seq;
    if (aboutMessage(entry) && entry.kind !== "message")
      renew(work, { message: entry.message, version: entry.seq });
  }
  return { ...log, ...work, asOf };
}

const shownTo = ({ past, asOf, through }: ChatLog): number => (past ? Math.max(asOf, through) : through);

/** The log of a chat that nobody looks at any more: what it misses is fetched once somebody does. */
export function setAside(log: ChatLog): ChatLog {
  return withoutEarly(trim(log));
}

/** A message as the log knows it, whether it is a row or not. */
export function messageIn({ rows, unloaded }: ChatLog, id: string): Message | undefined {
  const known = (each: { message: Message | null }) => each.message?.id === id;
  return (rows.find(known) ?? [...unloaded.values()].find(known))?.message ?? undefined;
}

/** Takes messages that were asked for by their ids, as entry `asOf` left them. */
export function addNamed(log: ChatLog, messages: readonly Message[], asOf: number): ChatLog {
  // The log has begun anew meanwhile: what happened to them in between is not known.
  if (asOf < log.from - 1) return log;
  const work = workOn(log);
  for (const message of messages) renew(work, { message, version: asOf });
  return { ...log, ...work };
}

/** Takes a page that was asked for with `after`, which has to lie inside the log or to be its `asOf`. */
export function addNewer(log: ChatLog, page: LogPage, after: number): ChatLog {
  if (log.past && after > log.through && after <= log.asOf) return addHappened(log, page);
  if (after > log.through || page.through <= log.through) return log;
  const work = workOn(log);
  for (const entry of page.entries) if (entry.seq > log.through) apply(work, entry, page.last_seq);
  const last = Math.max(log.last, page.last_seq);
  return drain({ ...log, ...work, through: page.through, past: log.past && page.has_more, last });
}

/** Takes what happened meanwhile to the rows of a log that ends in the past. */
function addHappened(log: ChatLog, page: LogPage): ChatLog {
  const seen = renewed(log, page.entries);
  return { ...seen, asOf: Math.max(seen.asOf, page.through), last: Math.max(log.last, page.last_seq) };
}

/** Takes a page that was asked for with `before`; one that does not meet the log's start is dropped. */
export function addOlder(log: ChatLog, page: LogPage, before: number): ChatLog {
  if (before !== log.from) return log;
  const from = startOf(page);
  const work: Work = { rows: [], unloaded: new Map(log.unloaded) };
  for (const entry of page.entries) if (entry.seq < before) apply(work, entry, page.last_seq);
  return { ...log, rows: [...work.rows, ...log.rows], from, unloaded: work.unloaded, start: !page.has_more };
}

/** Notes that the chat has grown to `seq`. */
export function heardOf(log: ChatLog, seq: number): ChatLog {
  return seq > log.last ? { ...log, last: seq } : log;
}

/** The next fetch: the seq to fetch after, or null when nothing is missing and nothing forces it. */
export function nextStep(log: ChatLog, force = false): number | "restart" | null {
  if (!log.past && log.last - log.through > FAR_BEHIND) return "restart";
  if (force) return log.through;
  return log.last > shownTo(log) ? shownTo(log) : null;
}

/** Drops the oldest rows above `most`, so that an open page stays small; they can be loaded again. */
export function trim(log: ChatLog, most = MOST_ROWS, keep = KEPT_ROWS): ChatLog {
  if (log.rows.length <= most) return log;
  const rows = log.rows.slice(-keep);
  return { ...log, rows, from: rows[0]?.seq ?? log.from, start: false };
}

/**
 * Drops the rows that are farthest from `seq`, where there are too many; they can be loaded again. Without its newest
 * rows the log ends in the past.
 */
export function keepAround(log: ChatLog, seq: number, most = MOST_ROWS, around = AROUND): ChatLog {
  if (log.rows.length <= most) return log;
  const first = Math.min(Math.max(placeOf(log.rows, seq) - around, 0), log.rows.length - 2 * around);
  const rows = log.rows.slice(first, first + 2 * around);
  const older = first > 0 && { from: rows[0]?.seq ?? log.from, start: false };
  const cut = first + rows.length < log.rows.length;
  const through = rows.at(-1)?.seq ?? log.through;
  const newer = cut && { through, past: true, asOf: shownTo(log), early: new Map() };
  return { ...log, ...older, ...newer, rows };
}

/** Changes one message at once, before the server has said so. Its answer or entry replaces this. */
export function patchMessage(log: ChatLog, id: string, change: (message: Message) => Message): ChatLog {
  const index = log.rows.findIndex((row) => row.message?.id === id);
  const row = log.rows[index];
  if (!row?.message) return log;
  return { ...log, rows: log.rows.with(index, { ...row, message: change(row.message) }) };
}

/** Where a seq stands in the rows, or the place where it would be put. */
export function placeOf(rows: readonly Row[], seq: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function withoutEarly(log: ChatLog): ChatLog {
  return { ...log, early: new Map() };
}

/** Pages that go backwards are complete down to `through`. */
function startOf(page: LogPage): number {
  return page.has_more ? page.through : 1;
}

function workOn(log: ChatLog): Work {
  return { rows: [...log.rows], unloaded: new Map(log.unloaded) };
}

function drain(log: ChatLog): ChatLog {
  const early = new Map(log.early);
  const work = workOn(log);
  let through = log.through;
  for (let next = early.get(through + 1); next; next = early.get(through + 1)) {
    apply(work, next, next.seq);
    through = next.seq;
  }
  for (const seq of early.keys()) if (seq <= through) early.delete(seq);
  return { ...log, ...work, through, early, last: Math.max(log.last, through) };
}

function apply(work: Work, entry: Entry, asOf: number): void {
  if (!aboutMessage(entry)) {
    insert(work, { seq: entry.seq, entry, message: null, version: entry.seq });
    return;
  }
  const known = { message: entry.message, version: Math.max(asOf, entry.seq) };
  if (entry.kind === "delete") uncount(work, entry);
  if (entry.kind === "message") {
    insert(work, { seq: entry.seq, entry, ...best(work, known) });
    // Only the row is kept up from now on.
    work.unloaded.delete(entry.seq);
  } else renew(work, known);
}

function best({ unloaded }: Work, known: Known): Known {
  const kept = unloaded.get(known.message.seq);
  return kept && kept.version > known.version ? counted(kept, known.message) : known;
}

function insert(work: Work, row: Row): void {
  const place = placeOf(work.rows, row.seq);
  const there = work.rows[place]?.seq === row.seq;
  if (!there) work.rows.splice(place, 0, row);
  else if (row.message) renew(work, { message: row.message, version: row.version });
}

function renew(work: Work, known: Known): void {
  const place = placeOf(work.rows, known.message.seq);
  const row = work.rows[place];
  if (row?.message?.id !== known.message.id) work.unloaded.set(known.message.seq, best(work, known));
  else if (row.version < known.version) work.rows[place] = { ...row, ...counted(known, row.message) };
}

/** An event about a thread's first message leaves out how many answered it. */
function counted(known: Known, other: Message): Known {
  if (known.message.replies || !other.replies) return known;
  return { ...known, message: { ...known.message, replies: other.replies } };
}

/** A reply that the server had counted is gone since. */
function uncount(work: Work, { seq, message: reply }: MessageEntry): void {
  const place = work.rows.findIndex((row) => row.message && row.message.id === reply.thread);
  const row = work.rows[place];
  const replies = row?.message?.replies;
  if (!row?.message || !replies || reply.seq > replies.as_of || seq <= replies.as_of) return;
  const message = { ...row.message, replies: { ...replies, count: replies.count - 1 } };
  work.rows[place] = { ...row, message };
}
