// Which entries of a log may change what is pinned in its chat. Pure. Not for: the pinned messages (net/pins.ts).
import { aboutMessage, type Entry } from "./types";

/** Also where a pinned message says something else now, or is gone. */
export function changesPins(entries: readonly Entry[]): boolean {
  return entries.some(
    (entry) =>
      aboutMessage(entry) && (entry.kind === "pin" || (entry.kind !== "message" && isPinned(entry.message))),
  );
}

// A deleted one does not say whether it was.
const isPinned = ({ pinned, deleted }: { pinned?: unknown; deleted: boolean }): boolean =>
  deleted || !!pinned;
