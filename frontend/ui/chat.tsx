// One open chat: its header, banner, log and composer. Not for: each of them in detail.
import { useState } from "preact/hooks";
import { t } from "../i18n/en";
import { follow, pathOf } from "../route";
import type { Chat } from "../state/types";
import { members, online, typing } from "../store";
import { ChatAvatar } from "./avatar";
import { Banner } from "./banner";
import { Composer } from "./composer";
import { nameOf } from "./format";
import { Icon } from "./icons";
import { Log } from "./log";

export function ChatPane({ chat }: { chat: Chat }) {
  return (
    <main class="pane">
      <Header chat={chat} />
      <Banner />
      <Log chat={chat} />
      <TypingLine chat={chat} />
      <Composer chat={chat} />
    </main>
  );
}

function Header({ chat }: { chat: Chat }) {
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
      <a class="tool" href={`/c/${chat.id}/settings`} aria-label={t.chatSettings} title={t.chatSettings}>
        <Icon name="gear" />
      </a>
    </header>
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
  return online.value.has(chat.other.id) ? t.online : `@${chat.other.username}`;
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
