// One open chat: its header, banner, log and composer. Not for: each of them in detail.
import { useComputed } from "@preact/signals";
import { useLayoutEffect, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { setOwn } from "../net/acts";
import { reasonOf } from "../net/api";
import { feed } from "../net/drive";
import { follow, pathOf, returning } from "../route";
import type { Chat } from "../state/types";
import { jump, logOf, members, online, page, showToast, typing } from "../store";
import { ChatAvatar } from "./avatar";
import { Banner } from "./banner";
import { Composer } from "./composer";
import { nameOf, presenceWord } from "./format";
import { Icon } from "./icons";
import { later } from "./later";
import { Log } from "./log";
import { PopoverButton } from "./menu";
import { NotLoaded } from "./notloaded";
import { openPanel } from "./panel";

const Notices = later(async () => (await import("./notices")).Notices);

export function ChatPane({ chat }: { chat: Chat }) {
  useReturn(chat.id);
  return (
    <main class="pane">
      <Header chat={chat} />
      <Banner />
      <div class="log-room">
        <Log chat={chat} />
        <Waiting chat={chat} />
      </div>
      <TypingLine chat={chat} />
      <Composer chat={chat} />
    </main>
  );
}

/** Back and Forward lead to where one was reading; a row that is not loaded any more is loaded. */
function useReturn(chatId: string): void {
  const back = returning.value;
  const ready = logOf(chatId).value !== null;
  // After the log's own effects, which have gone to its end or New line.
  useLayoutEffect(() => {
    if (!ready || back?.chatId !== chatId) return;
    returning.value = null;
    const box = document.querySelector(".log");
    const row = box?.querySelector(`[data-seq="${back.place.seq}"]`);
    if (box && row)
      box.scrollTop += row.getBoundingClientRect().top - box.getBoundingClientRect().top - back.place.top;
    else jump.value = { chatId, seq: back.place.seq };
  }, [ready, back]);
}

/** In the place of messages that are not there yet: shapes of some, after a moment; a way on where they do not come. */
function Waiting({ chat }: { chat: Chat }) {
  const failed = useComputed(() => (page.value.chats.get(chat.id)?.failures ?? 0) > 0);
  if (logOf(chat.id).value) return null;
  if (!failed.value) return <div class="skeleton" aria-hidden="true" />;
  return <NotLoaded problem={t.notLoaded} onRetry={() => feed({ kind: "opened", chat: chat.id })} />;
}

function Header({ chat }: { chat: Chat }) {
  const [notices, setNotices] = useState(false);
  return (
    <header class="bar chat-bar">
      <a class="tool back" href={pathOf(null)} aria-label={t.back} onClick={(event) => follow(event, null)}>
        <Icon name="back" />
      </a>
      <ChatAvatar chat={chat} />
      <div class="chat-title">
        <h1>
          <bdi>{chat.name}</bdi>
        </h1>
        <p class="dim">{subline(chat)}</p>
        {chat.topic && <Topic text={chat.topic} />}
      </div>
      <PopoverButton label={t.chatMenu} icon="more" kind="menu">
        {(close) => <OwnMenu chat={chat} onDone={close} onNotices={() => setNotices(true)} />}
      </PopoverButton>
      {notices && <Notices chat={chat} onClose={() => setNotices(false)} />}
      <a class="tool" href={`/c/${chat.id}/settings`} aria-label={t.chatSettings} title={t.chatSettings}>
        <Icon name="gear" />
      </a>
    </header>
  );
}

/** What the chat is to oneself alone. */
function OwnMenu({ chat, onDone, onNotices }: { chat: Chat; onDone: () => void; onNotices: () => void }) {
  const set = (own: Partial<Pick<Chat, "muted" | "favourite">>) => {
    onDone();
    setOwn(chat, own).catch((error) => showToast(reasonOf(error)));
  };
  return (
    <>
      <button type="button" onClick={() => set({ favourite: !chat.favourite })}>
        <Icon name="star" />
        {chat.favourite ? t.noFavourite : t.favourite}
      </button>
      <button type="button" onClick={() => set({ muted: !chat.muted })}>
        <Icon name="muted" />
        {chat.muted ? t.unmute : t.mute}
      </button>
      <button
        type="button"
        onClick={() => {
          onDone();
          onNotices();
        }}
      >
        <Icon name="bell" />
        {t.notices}
      </button>
      <button
        type="button"
        onClick={() => {
          onDone();
          openPanel("pins");
        }}
      >
        <Icon name="pin" />
        {t.pins}
      </button>
    </>
  );
}

/** One line of it; all of it under the pointer, or after a press. */
function Topic({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  return (
    <button
      type="button"
      class="topic"
      title={text}
      aria-label={t.topic(text)}
      aria-expanded={open}
      onClick={() => setOpen(!open)}
      onBlur={() => setOpen(false)}
      onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
    >
      <bdi>{text}</bdi>
    </button>
  );
}

function subline(chat: Chat): string {
  if (chat.kind === "group") return t.members(chat.member_count);
  if (!chat.other) return "";
  const presence = online.value.get(chat.other.id);
  return presence ? presenceWord(presence) : `@${chat.other.username}`;
}

/** Its place is kept when nobody types, so that the log never moves. */
function TypingLine({ chat }: { chat: Chat }) {
  const here = typing.value.filter((each) => each.chatId === chat.id);
  const known = members.value.get(chat.id) ?? [];
  const names = here.flatMap((each) => {
    const member = known.find((one) => one.user.id === each.userId);
    return member ? [nameOf(member.user)] : [];
  });
  return (
    <p class="typing" aria-live="off">
      {names.length > 0 && (
        <>
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <bdi>{t.typing(names)}</bdi>
        </>
      )}
    </p>
  );
}
