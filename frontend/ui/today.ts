// The day it is here, as a signal: what says "Today" follows it past midnight. Not for: how times are written (format.ts).
import { signal } from "@preact/signals";

const midnight = (): number => new Date().setHours(0, 0, 0, 0);

/** When this day began, in milliseconds. */
export const today = signal(midnight());

/** Follows the clock; a page that slept through midnight sees it when it wakes. */
export function watchToday(): void {
  look();
  document.addEventListener("visibilitychange", () => {
    today.value = midnight();
  });
}

function look(): void {
  today.value = midnight();
  setTimeout(look, new Date(today.value).setHours(24, 0, 1, 0) - Date.now());
}
