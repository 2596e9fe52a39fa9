// The whole page: list, open chat, and what lies above both. Not for: any of them in detail.
import { useState } from "preact/hooks";
import { t } from "../i18n/en";
import { panel } from "../route";
import { announced, missing, openChat, openId, toast, viewed } from "../store";
import { ChatPane } from "./chat";
import { close, opened } from "./keys";
import { later } from "./later";
import { NewVersion } from "./newversion";
import { Sidebar } from "./sidebar";
import { SignedOut } from "./signedout";
import { threadShown } from "./threadline";

const NewChat = later(async () => (await import("./newchat")).NewChat);
const Switcher = later(async () => (await import("./switcher")).Switcher);
const Shortcuts = later(async () => (await import("./shortcuts")).Shortcuts);
const ThreadList = later(async () => (await import("./threads")).ThreadList);
const ThreadPanel = later(async () => (await import("./thread")).ThreadPanel);
const PinsPanel = later(async () => (await import("./pins")).PinsPanel);
const SavedPanel = later(async () => (await import("./saved")).SavedPanel);
const Lightbox = later(async () => (await import("./lightbox")).Lightbox);

export function App() {
  const [making, setMaking] = useState(false);
  return (
    <div class="app" data-pane={openId.value ? "chat" : "list"}>
      <button type="button" class="skip button primary hidden" onClick={skip}>
        {t.skip}
      </button>
      <NewVersion />
      <Sidebar onNew={() => setMaking(true)} />
      <Main onNew={() => setMaking(true)} />
      <Beside />
      {making && <NewChat onClose={() => setMaking(false)} />}
      {viewed.value && <Lightbox />}
      <Keyed />
      <SignedOut />
      <p class="hidden" role="status" aria-live="polite" id="announcer">
        {announced.value}
      </p>
      {toast.value && (
        <p class="toast" role="status">
          {toast.value}
        </p>
      )}
    </div>
  );
}

const KEYED = { switcher: Switcher, threads: ThreadList, shortcuts: Shortcuts };

/** The dialog that keys opened. */
function Keyed() {
  if (!opened.value) return null;
  const { what, turn } = opened.value;
  const Part = KEYED[what];
  return <Part key={turn} onClose={() => close(turn)} />;
}

/** A thread or the pins of the open chat, or what was saved in any. */
function Beside() {
  const chat = openChat.value;
  const thread = threadShown();
  if (panel.value === "saved") return <SavedPanel />;
  if (!chat || missing.value === chat.id) return null;
  if (panel.value === "pins") return <PinsPanel key={chat.id} chat={chat} />;
  return thread ? <ThreadPanel key={thread} chat={chat} id={thread} /> : null;
}

/** Past the list, to where one reads and writes. */
function skip(): void {
  document.querySelector<HTMLElement>("#composer, main .button")?.focus();
}

function Main({ onNew }: { onNew: () => void }) {
  const chat = openChat.value;
  if (chat && missing.value !== chat.id) return <ChatPane key={chat.id} chat={chat} />;
  const gone = missing.value !== null && missing.value === openId.value;
  return (
    <main class="pane empty-pane">
      {(gone || !openId.value) && (
        <div class="welcome">
          <Bubbles />
          <h1>{gone ? t.goneTitle : t.pickTitle}</h1>
          <p class="dim">{gone ? t.goneText : t.pickText}</p>
          <button type="button" class="button primary" onClick={onNew}>
            {t.newChat}
          </button>
        </div>
      )}
    </main>
  );
}

function Bubbles() {
  return (
    <svg class="bubbles" viewBox="0 0 120 84" aria-hidden="true">
      <rect class="theirs" x="4" y="6" width="66" height="34" rx="14" />
      <path class="lines" d="M18 19h38M18 28h24" />
      <rect class="own" x="46" y="46" width="70" height="32" rx="14" />
      <path class="lines" d="M60 62h42" />
    </svg>
  );
}
