// How the connection comes back soon. Pure. The library itself would wait 15, 30, 60 s after a failed attempt.
// Not for: what is asked once it is back (catchup.ts).
import { type Given, nudgePause, type Turn } from "./page";

const SUBSCRIBING_MS = 8000;

export function onConnected(turn: Turn): void {
  turn.page.socket = "up";
  nudgeIn(turn, SUBSCRIBING_MS * (0.5 + turn.random / 2));
}

export function onDisconnected(turn: Turn): void {
  const was = turn.page.socket;
  turn.page.socket = "down";
  if (was !== "down" || turn.page.nudgeAt === null) schedule(turn);
}

export function onSubscribed(turn: Turn): void {
  turn.page.socket = "live";
  turn.page.failures = 0;
  turn.page.nudgeAt = null;
}

// With a random pause, as many pages are told at the same moment.
export function onRefused(turn: Turn): void {
  if (turn.page.socket !== "up" && turn.page.socket !== "live") return;
  turn.page.socket = "refused";
  schedule(turn);
}

/** Other channels than it was told of: they have moved, and the word of it was lost. */
export function onTold(turn: Turn, channels: readonly string[] | undefined): void {
  const known = turn.page.channels;
  if (channels && known && JSON.stringify(channels) !== JSON.stringify(known)) onRefused(turn);
}

export function onRenewed(turn: Turn, { changed, channels }: Given<"renewed">): void {
  turn.page.renewing = false;
  turn.page.channels = channels ?? turn.page.channels;
  if (changed || turn.page.socket === "down" || turn.page.socket === "refused") reconnect(turn);
}

export function onRenewFailed(turn: Turn): void {
  turn.page.renewing = false;
  if (turn.page.socket === "down") reconnect(turn);
}

export function schedule(turn: Turn): void {
  nudgeIn(turn, nudgePause(turn.page.failures, turn.page.delay, turn.random));
  turn.page.failures += 1;
}

export function nudge(turn: Turn): void {
  const { page } = turn;
  // Connected, and its channels did not come.
  if (page.socket === "up") page.socket = "refused";
  // The gateway may have come back somewhere else, so now and then this is asked, too.
  const ask = page.socket === "refused" || page.failures % 3 === 2;
  schedule(turn);
  if (ask && !page.renewing) {
    page.renewing = true;
    turn.effects.push({ do: "renew" });
  } else if (page.socket === "down") reconnect(turn);
}

/** Tries at once what would be tried a little later. */
export function hurry(turn: Turn): void {
  const { socket, signedOut } = turn.page;
  if (signedOut || (socket !== "down" && socket !== "refused")) return;
  turn.page.failures = 0;
  nudge(turn);
}

function reconnect(turn: Turn): void {
  if (turn.page.signedOut) return;
  turn.page.socket = "down";
  turn.effects.push({ do: "reconnect" });
}

function nudgeIn(turn: Turn, ms: number): void {
  turn.page.nudgeAt = turn.page.signedOut ? null : turn.now + ms;
}
