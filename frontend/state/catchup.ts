// What to fetch next so that a log has no gap, and how long to wait after a failure. Not for: fetching itself.
import type { ChatLog } from "./log";

/** Beyond this many missing entries it is quicker to start again from the newest page. */
const FAR_BEHIND = 500;

export type Step = { kind: "after"; after: number } | { kind: "restart" };

/** The next fetch for a log, or null when nothing is missing. `force` asks even when nothing seems to be. */
export function nextStep(log: ChatLog, force = false): Step | null {
  if (!log.past && log.last - log.through > FAR_BEHIND) return { kind: "restart" };
  if (force || (!log.past && log.last > log.through)) return { kind: "after", after: log.through };
  return null;
}

/** Milliseconds to wait after the nth failure in a row (from 0): 1, 2, 4, 8 s, each between half and whole. */
export function pause(failures: number, random: () => number = Math.random): number {
  return 1000 * 2 ** Math.min(failures, 3) * (0.5 + random() / 2);
}

/** Milliseconds until the next poll of all chats: 8 s with a live socket, 5 s without, two more or less. */
export function pollPause(live: boolean, random: () => number = Math.random): number {
  return live ? 6000 + random() * 4000 : 4000 + random() * 2000;
}
