// What was said to this user alone: the list as the server told it last, without what was dismissed here. Pure.
// Not for: the log, of which it is no part (log.ts), nor for asking (net/ephemerals.ts).
import type { Ephemeral } from "./types";

export interface Ephemerals {
  list: readonly Ephemeral[];
  /** When the list was asked for, as a number that only grows. */
  asked: number;
  /** Their removal is on its way or done; an answer that was read before may still have them. */
  dismissed: ReadonlySet<string>;
}

export const unsaid: Ephemerals = { list: [], asked: 0, dismissed: new Set() };

/** Takes a whole list; one that was asked for before the last one taken may be older, and is dropped. */
export function takeList(now: Ephemerals, list: readonly Ephemeral[], asked: number): Ephemerals {
  return asked < now.asked ? now : { ...now, list, asked };
}

export function dismiss(now: Ephemerals, id: string): Ephemerals {
  return { ...now, dismissed: new Set(now.dismissed).add(id) };
}

/** Brings back what could not be dismissed. */
export function bringBack(now: Ephemerals, id: string): Ephemerals {
  return { ...now, dismissed: new Set([...now.dismissed].filter((each) => each !== id)) };
}

/** What a chat shows of them, in their order. */
export function saidIn(now: Ephemerals, chatId: string): Ephemeral[] {
  const shown = now.list.filter(({ id, chat_id }) => chat_id === chatId && !now.dismissed.has(id));
  return shown.sort((a, b) => a.seq - b.seq || a.at.localeCompare(b.at));
}

/** What a chat shows now and did not before, or not in these words. */
export function newlySaid(before: Ephemerals, now: Ephemerals, chatId: string): Ephemeral[] {
  const known = new Map(before.list.map(({ id, text }) => [id, text]));
  return saidIn(now, chatId).filter(({ id, text }) => known.get(id) !== text);
}
