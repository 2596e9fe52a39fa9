// Shows notifications of the browser: by one tab alone, one for each chat, gone when it is read. Not for: what notifies,
// which the server decides, nor for asking whether it may (ui/notices.tsx). Fetched where they are allowed.
import { effect } from "@preact/signals";
import { t } from "../i18n/en";
import { due, type Notice } from "../state/notices";
import { plain } from "../state/plain";
import { chats, live, me, openId } from "../store";
import { call } from "./api";
import { openPath, register } from "./worker";

const LOOKING = "infitalks.looking.";

const open = new Map<string, { seq: number; close: () => void }>();
let leads = false;

/** Shows what has come, if it is this tab that does. */
export async function show(notices: readonly Notice[]): Promise<void> {
  if (!me.value.preferences.desktop || !(await lead())) return;
  const shown = new Map([...open].map(([chat, { seq }]) => [chat, seq]));
  const fresh = due(notices, me.value.preferences, await lookedAt(), shown, readSeq);
  for (const notice of fresh) display(notice);
  if (fresh.length > 0 && me.value.preferences.sound) (await import("../ui/blip")).blip();
}

const readSeq = (chatId: string): number => chats.value.find((chat) => chat.id === chatId)?.read_seq ?? 0;

/** Whether this tab is the one that alerts: the first to ask, as long as it lives. */
async function lead(): Promise<boolean> {
  if (leads) return true;
  await new Promise<void>((settled) => {
    void navigator.locks.request("infitalks.alerts", { ifAvailable: true }, (lock) => {
      // Two that ask at once: the second finds that it is taken, by this very tab.
      if (lock) leads = true;
      settled();
      return lock ? new Promise(() => {}) : undefined;
    });
  });
  return leads;
}

/** The chats that any of this browser's tabs shows now; each says so by a lock. */
async function lookedAt(): Promise<Set<string>> {
  const { held = [] } = await navigator.locks.query();
  return new Set(held.flatMap(({ name }) => (name?.startsWith(LOOKING) ? [name.slice(LOOKING.length)] : [])));
}

function display(notice: Notice): void {
  const { chat_id, seq, chat_name, author, text, attachments } = notice;
  const said = plain(text) || t.attached(attachments, 0);
  const body = chat_name ? `${author.display_name}: ${said}` : said;
  const path = `/c/${chat_id}/${seq}`;
  const options = { body, tag: chat_id, silent: true, data: { path } };
  open.set(chat_id, { seq, close: raise(chat_name ?? author.display_name, options) });
}

/** Returns what takes it away. */
function raise(
  title: string,
  options: NotificationOptions & { tag: string; data: { path: string } },
): () => void {
  try {
    const alert = new Notification(title, options);
    alert.onclick = () => {
      focus();
      openPath(options.data.path);
      alert.close();
    };
    return () => alert.close();
  } catch {
    // Phones have them by the service worker alone.
    byWorker((worker) => worker.showNotification(title, options));
    return () => byWorker((worker) => take(worker, options.tag));
  }
}

let before: Promise<unknown> = Promise.resolve();

/** One after the other, so that none is taken away before it is there. */
function byWorker(act: (worker: ServiceWorkerRegistration) => Promise<void>): void {
  before = before.then(async () => act(await navigator.serviceWorker.ready)).catch(() => {});
}

async function take(worker: ServiceWorkerRegistration, tag: string): Promise<void> {
  for (const alert of await worker.getNotifications({ tag })) alert.close();
}

function close(chatId: string): void {
  open.get(chatId)?.close();
  open.delete(chatId);
}

function sayWhatIsLookedAt(): void {
  let stop = () => {};
  const say = () => {
    stop();
    const chat = document.visibilityState === "visible" ? openId.value : null;
    if (!chat) return;
    const until = new Promise<void>((done) => {
      stop = done;
    });
    void navigator.locks.request(LOOKING + chat, { mode: "shared" }, () => until);
  };
  effect(say);
  document.addEventListener("visibilitychange", say);
}

/** What came while this browser was not listening, once; on its first visit there is nothing that it missed. */
async function catchUp(): Promise<void> {
  const key = `infitalks.notified.${me.value.id}`;
  const after = localStorage.getItem(key);
  const path = `/api/notifications${after ? `?after=${after}` : "?limit=1"}`;
  const { notifications } = await call<{ notifications: (Notice & { read: boolean })[] }>("GET", path);
  const [newest] = notifications;
  if (newest) localStorage.setItem(key, newest.message_id);
  if (after) await show(notifications.filter(({ read }) => !read));
}

register();
sayWhatIsLookedAt();
effect(() => {
  // Read before the loop: an effect that found nothing open would follow nothing.
  const read = new Map(chats.value.map(({ id, read_seq }) => [id, read_seq]));
  for (const [chat, { seq }] of open) if ((read.get(chat) ?? 0) >= seq) close(chat);
});
effect(() => {
  if (live.value) void catchUp().catch(() => {});
});
