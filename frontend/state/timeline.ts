// What the log shows, in order: days, the New line, messages with or without a head, notes, words to the reader alone,
// messages on their way. Pure. Not for: drawing.
import type { ChatLog, Row } from "./log";
import type { Pending } from "./outbox";
import type { Ephemeral, Message } from "./types";

/** Messages of one author that are closer than this share one head. */
const GROUP_MS = 5 * 60 * 1000;

export type Item =
  | { kind: "day"; key: string; at: string }
  | { kind: "new"; key: string }
  | { kind: "note"; key: string; row: Row }
  | { kind: "aside"; key: string; ephemeral: Ephemeral }
  | { kind: "message"; key: string; seq: number; message: Message; head: boolean; tail: boolean }
  | { kind: "pending"; key: string; pending: Pending; head: boolean; tail: boolean };

type Spoken = Extract<Item, { head: boolean }>;

export interface View {
  userId: string;
  /** The New line stands before the first row above this seq; null: nowhere. */
  newAfter: number | null;
  /** The day of an ISO time, as a key in the reader's zone. */
  dayOf: (at: string) => string;
}

/**
 * Builds the items; a message keeps its key from pending to confirmed, so that its element stays. `asides` are in
 * order; each stands after the rows that were there when it was said.
 */
export function timeline(
  rows: readonly Row[],
  pending: readonly Pending[],
  view: View,
  asides: readonly Ephemeral[] = [],
): Item[] {
  const items: Item[] = [];
  const confirmed = new Set<string>();
  const waiting = [...asides];
  let day = "";
  let divided = view.newAfter === null;
  const startDay = (at: string) => {
    if (view.dayOf(at) === day) return;
    day = view.dayOf(at);
    items.push({ kind: "day", key: `day-${day}`, at });
  };
  const sayBefore = (seq: number) => {
    for (let next = waiting[0]; next && next.seq < seq; next = waiting[0]) {
      startDay(next.at);
      items.push({ kind: "aside", key: `aside-${next.id}`, ephemeral: next });
      waiting.shift();
    }
  };
  for (const row of rows) {
    sayBefore(row.seq);
    startDay(row.entry.at);
    if (!divided && row.seq > (view.newAfter ?? 0)) {
      divided = true;
      items.push({ kind: "new", key: "new" });
    }
    const item = itemOf(row, view.userId);
    if (row.message) confirmed.add(row.message.client_id);
    items.push(item);
  }
  sayBefore(Number.POSITIVE_INFINITY);
  for (const message of pending) {
    if (confirmed.has(message.client_id)) continue;
    startDay(message.created_at);
    items.push({
      kind: "pending",
      key: `mine-${message.client_id}`,
      pending: message,
      head: true,
      tail: true,
    });
  }
  return joined(items, view.userId);
}

/** The items day by day: each part begins with its day. */
export function byDay(items: readonly Item[]): Item[][] {
  const days: Item[][] = [];
  for (const item of items) {
    if (item.kind === "day" || days.length === 0) days.push([]);
    days.at(-1)?.push(item);
  }
  return days;
}

/** Those whose place is within what is loaded of the log. */
export function placed(asides: readonly Ephemeral[], log: ChatLog): Ephemeral[] {
  return asides.filter(({ seq }) => seq >= log.from && (seq <= log.through || !log.past));
}

function itemOf(row: Row, userId: string): Item {
  if (!row.message) return { kind: "note", key: `seq-${row.seq}`, row };
  const mine = row.message.author.id === userId && row.message.client_id;
  const key = mine ? `mine-${row.message.client_id}` : `seq-${row.seq}`;
  return { kind: "message", key, seq: row.seq, message: row.message, head: true, tail: true };
}

function joined(items: Item[], userId: string): Item[] {
  for (let index = 1; index < items.length; index++) {
    const above = items[index - 1];
    const below = items[index];
    if (!above || !below || !spoken(above) || !spoken(below)) continue;
    if (!together(above, below, userId)) continue;
    above.tail = false;
    below.head = false;
  }
  return items;
}

function spoken(item: Item): item is Spoken {
  return item.kind === "message" || item.kind === "pending";
}

function together(above: Spoken, below: Spoken, userId: string): boolean {
  const gap = Date.parse(timeOf(below)) - Date.parse(timeOf(above));
  return speaker(above, userId) === speaker(below, userId) && gap < GROUP_MS;
}

function timeOf(item: Spoken): string {
  return item.kind === "message" ? item.message.created_at : item.pending.created_at;
}

function speaker(item: Spoken, userId: string): string {
  return item.kind === "message" ? `${item.message.author.id}/${item.message.via?.name ?? ""}` : `${userId}/`;
}
