// Of what one chat notifies this user, whether this browser shows it, and why a message did or did not. Fetched when
// it is opened. Not for: showing notifications (net/alerts.ts) nor for what holds for all chats (/settings).
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { words } from "../i18n/notices";
import { call, reasonOf } from "../net/api";
import { changeChat } from "../state/chats";
import type { Level, Why } from "../state/notices";
import type { Chat, Message, Preferences } from "../state/types";
import { chats, me, showToast } from "../store";
import { Dialog } from "./dialog";

const LEVELS: readonly (Level | null)[] = [null, "all", "mentions", "none"];
const HOUR_MS = 3_600_000;

export function Notices({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  return (
    <Dialog title={t.notices} onClose={onClose}>
      <fieldset class="levels">
        <legend>{words.of}</legend>
        {LEVELS.map((level) => (
          <label key={level}>
            <input
              type="radio"
              name="level"
              checked={(chat.level ?? null) === level}
              onChange={() => void setLevel(chat, level)}
            />
            <span>{words.levels[level ?? "as_size"]}</span>
          </label>
        ))}
      </fieldset>
      {chat.muted && <p class="dim">{words.muted}</p>}
      <Permission />
      <Pause />
      <p>
        <a href="/settings#notifications">{words.all}</a>
      </p>
    </Dialog>
  );
}

async function setLevel(chat: Chat, level: Level | null): Promise<void> {
  const put = (now: Level | null) => {
    chats.value = changeChat(chats.value, chat.id, (known) => ({ ...known, level: now }));
  };
  put(level);
  await call("PATCH", `/api/chats/${chat.id}`, { level }).catch((error) => {
    put(chat.level ?? null);
    showToast(reasonOf(error));
  });
}

/** Says what it is for before the browser asks, and asks by a click alone. */
function Permission() {
  const [permission, setPermission] = useState(window.Notification?.permission);
  const ask = async () => {
    setPermission(await Notification.requestPermission());
    if (Notification.permission === "granted") await import("../net/alerts");
  };
  if (permission === "granted") return <p class="dim">{words.on}</p>;
  if (permission !== "default") return <p class="dim">{permission ? words.denied : words.never}</p>;
  return (
    <>
      <p class="dim">{words.ask}</p>
      <button type="button" class="button primary" onClick={() => void ask()}>
        {words.allow}
      </button>
    </>
  );
}

function Pause() {
  const { quiet_until } = me.value.preferences;
  const paused = quiet_until !== null && Date.parse(quiet_until) > Date.now();
  const until = paused ? null : new Date(Date.now() + HOUR_MS).toISOString();
  const set = () =>
    call<Preferences>("PATCH", "/api/users/me/preferences", { quiet_until: until }).then(
      (preferences) => {
        me.value = { ...me.value, preferences };
      },
      (error) => showToast(reasonOf(error)),
    );
  return (
    <button type="button" class="button" aria-pressed={paused} onClick={() => void set()}>
      {paused ? words.noPause : words.pause}
    </button>
  );
}

export function WhyNotified({ message, onClose }: { message: Message; onClose: () => void }) {
  const [said, setSaid] = useState("…");
  useEffect(() => {
    call<Why>("GET", `/api/messages/${message.id}/notification`).then(
      ({ notified, reason }) => setSaid(`${notified ? words.was : words.wasNot} ${because(reason)}`),
      (error) => setSaid(reasonOf(error)),
    );
  }, [message.id]);
  return (
    <Dialog title={t.whyNotified} onClose={onClose}>
      <p role="status">{said}</p>
    </Dialog>
  );
}

const because = (reason: string): string => words.reasons[reason as keyof typeof words.reasons] ?? reason;
