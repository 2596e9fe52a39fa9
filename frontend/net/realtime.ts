// The live connection: one pusher-js client, its channels, and the push it needs to come back soon.
// Not for: what events mean (net/receive.ts), nor for what was missed meanwhile (net/sync.ts).
import Pusher, { type Options } from "pusher-js";
import { pause } from "../state/catchup";
import type { RealtimeConfig } from "../state/types";
import { live } from "../store";
import { call, csrfToken } from "./api";

export interface Hooks {
  event(name: string, data: unknown): void;
  /** All channels are subscribed (again): events from now on arrive, those before may be missing. */
  subscribed(): void;
}

// What comes first after each loss. The library itself would wait 15, 30, 60 s after a failed attempt.
let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let pusher: Pusher | null = null;
let config: RealtimeConfig | null = null;
let waiting = new Set<string>();
let hooks: Hooks = { event: () => {}, subscribed: () => {} };

/** Connects, and stays connected until the page goes. */
export function connect(first: RealtimeConfig, its: Hooks): void {
  hooks = its;
  build(first);
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && hurry());
}

function build(next: RealtimeConfig): void {
  config = next;
  pusher?.connection.unbind();
  pusher?.disconnect();
  pusher = new Pusher(next.key, optionsOf(next));
  pusher.connection.bind("state_change", (change: { current: string }) => onState(change.current));
  // An error without a listener is thrown; the state changes that follow say all there is to say.
  pusher.connection.bind("error", () => {});
  follow(pusher, next.channels);
  schedule();
}

function optionsOf(next: RealtimeConfig): Options {
  const host = next.cluster && !next.host && !next.port ? {} : { wsHost: next.host ?? location.hostname };
  const ports = next.port ? { wsPort: next.port, wssPort: next.port } : {};
  return {
    cluster: next.cluster ?? "self",
    ...host,
    ...ports,
    forceTLS: next.tls,
    // Only WebSocket: every other transport would leave for the vendor's servers.
    enabledTransports: ["ws"],
    enableStats: false,
    unavailableTimeout: 3000,
    channelAuthorization: {
      endpoint: "/api/realtime/auth",
      transport: "ajax",
      headersProvider: () => ({ "X-CSRF-Token": csrfToken() }),
    },
  };
}

function follow(client: Pusher, channels: readonly string[]): void {
  waiting = new Set(channels);
  for (const name of channels) {
    const channel = client.subscribe(name);
    channel.unbind_all();
    channel.bind("pusher:subscription_succeeded", () => onSubscribed(name));
    channel.bind("pusher:subscription_error", renewSoon);
    channel.bind_global((event: string, data: unknown) => onEvent(event, data));
  }
}

function onSubscribed(name: string): void {
  waiting.delete(name);
  if (waiting.size > 0) return;
  live.value = true;
  hooks.subscribed();
}

function onEvent(event: string, data: unknown): void {
  if (event.startsWith("pusher:")) return;
  if (event === "moved") renewSoon();
  else hooks.event(event, data);
}

function onState(state: string): void {
  if (state === "connected") {
    failures = 0;
    clearTimeout(timer);
    timer = undefined;
    return;
  }
  live.value = false;
  waiting = new Set(config?.channels);
  schedule();
}

function schedule(): void {
  if (timer !== undefined) return;
  timer = setTimeout(() => {
    timer = undefined;
    void push();
  }, pause(failures++));
}

async function push(): Promise<void> {
  if (live.value) return;
  // Connected without its channels: they have moved. Else the gateway may have come back somewhere else.
  if ((connected() || failures % 3 === 2) && (await renew())) return;
  if (connected()) return schedule();
  pusher?.disconnect();
  pusher?.connect();
}

const connected = (): boolean => pusher?.connection.state === "connected";

/** Tries at once what would be tried a little later. */
export function hurry(): void {
  if (connected() && timer === undefined) return;
  failures = 0;
  clearTimeout(timer);
  timer = undefined;
  void push();
}

// With a random pause, as all pages of a chat are told at the same moment.
function renewSoon(): void {
  live.value = false;
  schedule();
}

/** Asks again how to connect; true where something was new and the connection is made anew. */
async function renew(): Promise<boolean> {
  try {
    const next = await call<RealtimeConfig>("GET", "/api/realtime");
    const known = JSON.stringify(next) === JSON.stringify(config);
    if (known && live.value) return true;
    if (known && !connected()) return false;
    build(next);
    return true;
  } catch {
    return false;
  }
}
