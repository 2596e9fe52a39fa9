// Starts the chat page: takes over what the server rendered, then connects. Not for: anything else.
import { effect } from "@preact/signals";
import { h, render } from "preact";
import { t } from "./i18n/en";
import { setCsrf } from "./net/api";
import { connect } from "./net/realtime";
import { receive } from "./net/receive";
import { resumeOutbox, retryPassing } from "./net/sender";
import { openChatNow, sync, syncLater, takeDetail, takePage } from "./net/sync";
import { readPath, watchHistory } from "./route";
import type { Boot } from "./state/types";
import { fill, jump, openId, reachable, unread } from "./store";
import { App } from "./ui/app";

function start(boot: Boot, root: HTMLElement): void {
  setCsrf(boot.csrf_token);
  fill(boot);
  if (boot.chat) takeDetail(boot.chat);
  openFromPath(boot);
  resumeOutbox();
  root.replaceChildren();
  render(h(App, null), root);
  watchHistory();
  follow(boot);
  connect(boot.realtime, { event: receive, subscribed });
  // A connection that never comes up asks for nothing by itself.
  syncLater();
  addEventListener("online", () => void sync());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void sync());
}

function openFromPath({ chat, log }: Boot): void {
  const { seq } = readPath(location.pathname);
  openId.value = chat?.id ?? null;
  if (!chat || !log) return;
  // The address of one message comes with the page around it, any other with the newest one.
  takePage(chat.id, log, seq === null ? undefined : log.entries.at(-1)?.seq);
  if (seq !== null) jump.value = { chatId: chat.id, seq };
}

function follow(boot: Boot): void {
  let first = boot.chat?.id ?? null;
  effect(() => {
    const id = openId.value;
    if (id && id !== first) void openChatNow(id);
    first = null;
  });
  effect(() => {
    document.title = t.title(unread.value);
  });
  let was = true;
  effect(() => {
    if (reachable.value && !was) setTimeout(retryPassing);
    was = reachable.value;
  });
}

let connections = 0;

function subscribed(): void {
  void sync();
  // What was left by an earlier visit waits for a word of its author; what failed meanwhile does not.
  if (connections++ > 0) retryPassing();
}

const data = document.getElementById("boot");
const root = document.getElementById("app");
if (data?.textContent && root) start(JSON.parse(data.textContent) as Boot, root);
