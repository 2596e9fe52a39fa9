// Starts the chat page: takes over what the server rendered, then connects. Not for: anything else; being called is
// app.ts's, so that whatever is fetched later may name all of this.
import { effect, untracked } from "@preact/signals";
import { h, render } from "preact";
import { call, setCsrf } from "./net/api";
import { deleteOnLeaving } from "./net/deleting";
import { drive, feed } from "./net/drive";
import { watchIdle } from "./net/idle";
import { readOnLeaving } from "./net/reading";
import { connect, realtimeActs } from "./net/realtime";
import { mayAlert } from "./net/receive";
import { resumeOutbox, retryPassing } from "./net/sender";
import { syncActs, takeDetail } from "./net/sync";
import { largest } from "./net/uploads";
import { setVersion } from "./net/version";
import { watchRecent } from "./recent";
import { readPath, watchHistory } from "./route";
import { begin } from "./state/catchup";
import type { Start } from "./state/page";
import type { Boot } from "./state/types";
import { fill, jump, live, me, mentioned, openChat, openId, reachable, unread } from "./store";
import { App } from "./ui/app";
import { showInTab } from "./ui/favicon";
import { watchKeys } from "./ui/keys";
import { watchToday } from "./ui/today";

export function start(boot: Boot, root: HTMLElement): void {
  setCsrf(boot.csrf_token);
  largest.file = boot.largest_file;
  setVersion(boot.version);
  fill(boot);
  drive(begin(openFromPath(boot), performance.now(), Math.random()), { ...syncActs, ...realtimeActs });
  if (boot.chat) takeDetail(boot.chat);
  resumeOutbox();
  deleteOnLeaving();
  readOnLeaving();
  watchHistory();
  watchToday();
  watchRecent();
  root.replaceChildren();
  render(h(App, null), root);
  performance.mark("first-view");
  watchKeys(() => document.documentElement.dataset.keys !== "off");
  watchIdle(boot.away);
  follow(boot);
  void connect(boot.realtime);
  fetchAhead();
}

function openFromPath({ chat, log, chats, realtime }: Boot): Start {
  const { seq } = readPath(location.pathname);
  openId.value = chat?.id ?? null;
  if (chat && log && seq !== null) jump.value = { chatId: chat.id, seq };
  // The address of one message comes with the page around it, any other with the newest one.
  const up_to = seq === null ? null : (log?.entries.at(-1)?.seq ?? null);
  const { channels } = realtime;
  return { chats: chats.chats, open: openId.value, page: log, up_to, channels };
}

function follow(boot: Boot): void {
  let shown = boot.chat?.id ?? null;
  effect(() => {
    const chat = openId.value;
    if (chat !== shown) untracked(() => feed({ kind: "opened", chat }));
    shown = chat;
  });
  effect(() => {
    showInTab(unread.value, mentioned.value, openChat.value?.name ?? null);
  });
  let connections = 0;
  effect(() => {
    // What was left by an earlier visit waits for a word of its author; what failed meanwhile does not.
    if (live.value && connections++ > 0) setTimeout(retryPassing);
  });
  let was = true;
  effect(() => {
    if (reachable.value && !was) setTimeout(retryPassing);
    was = reachable.value;
  });
}

/** Quiet hours go by the clock of where one is, unless one has chosen another. */
function tellZone(): void {
  if (me.value.preferences.time_zone) return;
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  call("PATCH", "/api/users/me/preferences", { time_zone: timeZone }).catch(() => {});
}

/** After the first look: where somebody wants an app, what came while nobody listened is shown, too. */
function fetchAhead(): void {
  setTimeout(() => {
    tellZone();
    if (mayAlert()) import("./net/alerts").catch(() => {});
    else if (matchMedia("(display-mode: standalone)").matches)
      import("./net/worker").then(({ register }) => register()).catch(() => {});
  }, 2000);
  // While nothing else is to be done, so that its key opens it at once.
  setTimeout(() => import("./ui/switcher").catch(() => {}), 3000);
}
