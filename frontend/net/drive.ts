// Runs the page's machine (state/catchup.ts): tells it what happened, does what it asks, wakes it when something is
// due. Not for: how its wishes are done (sync.ts, realtime.ts).
import { nextDue, step } from "../state/catchup";
import type { Effect, Input, Page } from "../state/page";
import { page } from "../store";

/** How each effect is done; none may throw. */
export type Acts = { [K in Effect["do"]]: (effect: Extract<Effect, { do: K }>) => void };

let acts: Acts | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Starts the machine and wakes it with the tab and the network. */
export function drive(first: Page, its: Acts): void {
  page.value = first;
  acts = its;
  arm();
  addEventListener("online", () => feed({ kind: "woke" }));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") feed({ kind: "woke" });
  });
}

/** Tells the machine what happened. */
export function feed(input: Input): void {
  const { page: next, effects } = step(page.peek(), input, performance.now(), Math.random());
  page.value = next;
  arm();
  for (const effect of effects) acts?.[effect.do](effect as never);
}

function arm(): void {
  clearTimeout(timer);
  const due = nextDue(page.peek());
  if (due !== null) timer = setTimeout(() => feed({ kind: "tick" }), Math.max(0, due - performance.now()));
}
