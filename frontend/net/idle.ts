// Says to others that nobody is at this page any more, and that somebody is again. Not for: being offline, which the
// server of live events notices (actions/presence.py).
import { call } from "./api";

/** How long nothing is touched before one counts as away. */
const IDLE_MS = 5 * 60_000;
/** Often enough for a word that is minutes late anyway. */
const NOTED_MS = 10_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"] as const;
/** When somebody last was at any of this browser's pages. */
const KEY = "infitalks.active";

let away = false;
let noted = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Watches for signs of life; `is`: what the server believes. */
export function watchIdle(is: boolean): void {
  away = is;
  for (const sign of SIGNS) addEventListener(sign, stir, { capture: true, passive: true });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && stir());
  stir();
}

/** What others are told: where another device says away while somebody is here, this page says otherwise. */
export function toldAway(is: boolean): void {
  away = is;
  if (is && idleFor() < IDLE_MS) tell(false);
}

function stir(): void {
  const now = Date.now();
  if (!away && now - noted < NOTED_MS) return;
  noted = now;
  localStorage.setItem(KEY, String(now));
  if (away) tell(false);
  wait(IDLE_MS);
}

const idleFor = (): number => Date.now() - Number(localStorage.getItem(KEY) ?? 0);

function wait(ms: number): void {
  clearTimeout(timer);
  timer = setTimeout(look, ms);
}

// Another tab may have been used meanwhile.
function look(): void {
  const left = IDLE_MS - idleFor();
  if (left > 0) wait(left);
  else if (!away) tell(true);
}

function tell(is: boolean): void {
  away = is;
  call("PUT", "/api/realtime/away", { away: is }).catch(() => {
    away = !is;
    wait(NOTED_MS);
  });
}
