// The live connection: one pusher-js client and its channels. Not for: when it is made anew (state/reconnect.ts),
// what events mean (receive.ts), nor for what was missed meanwhile (sync.ts).
import type Pusher from "pusher-js";
import type { Options } from "pusher-js";
import type { RealtimeConfig } from "../state/types";
import { call, csrfToken } from "./api";
import { type Acts, feed } from "./drive";
import { receive } from "./receive";

const PATIENCE_MS = 8000;

let pusher: Pusher | null = null;
/** What the client was made with, and what the server said last. */
let config: RealtimeConfig | null = null;
let newest: RealtimeConfig | null = null;
let waiting = new Set<string>();

export const realtimeActs: Pick<Acts, "renew" | "reconnect"> = {
  renew: () => void renew(),
  reconnect: () => {
    if (newest && (changed() || !pusher)) return void connect(newest);
    pusher?.disconnect();
    pusher?.connect();
  },
};

/** Connects; what becomes of it the machine is told. The library comes after the first look at the chat. */
export async function connect(its: RealtimeConfig): Promise<void> {
  config = newest = its;
  pusher?.connection.unbind();
  pusher?.disconnect();
  const library = await import("pusher-js").catch(() => null);
  if (!library) return feed({ kind: "disconnected" });
  if (config !== its) return;
  pusher = new library.default(its.key, optionsOf(its));
  pusher.connection.bind("state_change", (change: { current: string }) => onState(change.current));
  // An error without a listener is thrown; the state changes that follow say all there is to say.
  pusher.connection.bind("error", () => {});
  follow(pusher, its.channels);
}

function optionsOf(its: RealtimeConfig): Options {
  const host = its.cluster && !its.host && !its.port ? {} : { wsHost: its.host ?? location.hostname };
  const ports = its.port ? { wsPort: its.port, wssPort: its.port } : {};
  return {
    cluster: its.cluster ?? "self",
    ...host,
    ...ports,
    forceTLS: its.tls,
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
    channel.bind("pusher:subscription_error", () => feed({ kind: "refused" }));
    channel.bind_global((event: string, data: unknown) => onEvent(event, data));
  }
}

function onSubscribed(name: string): void {
  waiting.delete(name);
  if (waiting.size === 0) feed({ kind: "subscribed" });
}

function onEvent(event: string, data: unknown): void {
  if (event.startsWith("pusher:")) return;
  if (event === "moved") feed({ kind: "moved" });
  else receive(event, data);
}

function onState(state: string): void {
  if (state !== "connected") waiting = new Set(config?.channels);
  feed({ kind: state === "connected" ? "connected" : "disconnected" });
}

/** Asks again how to connect. */
async function renew(): Promise<void> {
  try {
    newest = await call<RealtimeConfig>("GET", "/api/realtime", undefined, PATIENCE_MS);
    feed({ kind: "renewed", changed: changed(), channels: newest.channels });
  } catch {
    feed({ kind: "renew_failed" });
  }
}

const changed = (): boolean => JSON.stringify(newest) !== JSON.stringify(config);
