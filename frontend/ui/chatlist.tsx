// The chats in sections that can be folded, which stand still under the pointer. Not for: the search (sidebar.tsx).
import { useSignal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { loadMoreChats } from "../net/sync";
import { follow, pathOf } from "../route";
import { type SectionId, sectionsOf, steady, waits } from "../state/sections";
import type { Chat } from "../state/types";
import { draftChanges, draftOf, me, moreChats, openId } from "../store";
import { ChatAvatar } from "./avatar";
import { previewOf, shortTime } from "./format";
import { Icon } from "./icons";

/** `whole`: nothing is searched for, so that sections are shown. */
export function ChatList({ list, whole }: { list: readonly Chat[]; whole: boolean }) {
  const held = useSignal(false);
  const shown = useRef<readonly string[]>([]);
  const rows = held.value && whole ? steady(list, shown.current) : list;
  if (!held.value) shown.current = rows.map((chat) => chat.id);
  const sections = sectionsOf(rows);
  return (
    <div
      class="chats"
      onPointerEnter={(event) => {
        // A finger does not rest on anything.
        held.value = event.pointerType === "mouse";
      }}
      onPointerLeave={() => {
        held.value = false;
      }}
    >
      {whole && sections.length > 1 ? (
        sections.map(({ id, chats }) => <Fold key={id} id={id} chats={chats} />)
      ) : (
        <Lines chats={rows} />
      )}
      <ListEnd searching={!whole} found={rows.length} />
    </div>
  );
}

const foldKey = (id: SectionId) => `infitalks.folded.${me.value.id}.${id}`;

function Fold({ id, chats }: { id: SectionId; chats: readonly Chat[] }) {
  const [folded, setFolded] = useState(() => localStorage.getItem(foldKey(id)) !== null);
  const toggle = () => {
    if (folded) localStorage.removeItem(foldKey(id));
    else localStorage.setItem(foldKey(id), "1");
    setFolded(!folded);
  };
  const waiting = chats.filter(waits).length;
  return (
    <section class="fold">
      <h2>
        <button type="button" aria-expanded={!folded} aria-controls={`fold-${id}`} onClick={toggle}>
          <Icon name="fold" />
          {t.section[id]}
          {folded && waiting > 0 && <Count of={waiting} words={t.waitingChats(waiting)} />}
        </button>
      </h2>
      <div id={`fold-${id}`} hidden={folded}>
        <Lines chats={chats} />
      </div>
    </section>
  );
}

function Lines({ chats }: { chats: readonly Chat[] }) {
  return (
    <ul>
      {chats.map((chat) => (
        <ChatLine key={chat.id} chat={chat} />
      ))}
    </ul>
  );
}

function ListEnd({ searching, found }: { searching: boolean; found: number }) {
  const [failed, setFailed] = useState(false);
  if (found === 0) return <p class="nothing">{searching ? t.nothingFound : t.noChats}</p>;
  if (searching || !moreChats.value) return null;
  const load = () =>
    loadMoreChats().then(
      () => setFailed(false),
      () => setFailed(true),
    );
  return (
    <p class="nothing" role="status">
      {failed && <span class="problem">{t.moreChatsFailed} </span>}
      <button type="button" class="button small" onClick={load}>
        {failed ? t.retry : t.moreChats}
      </button>
    </p>
  );
}

function ChatLine({ chat }: { chat: Chat }) {
  const open = openId.value === chat.id;
  const look = [chat.muted && "quiet", waits(chat) && "waiting"].filter(Boolean).join(" ");
  return (
    <li>
      <a
        class={`chat-line ${look}`}
        href={pathOf(chat.id)}
        aria-current={open ? "page" : undefined}
        onClick={(event) => follow(event, chat.id)}
      >
        <ChatAvatar chat={chat} />
        <bdi class="name">{chat.name}</bdi>
        <time dateTime={chat.last_at}>{shortTime(chat.last_at)}</time>
        <Preview chat={chat} open={open} />
        <Marks chat={chat} />
      </a>
    </li>
  );
}

function Preview({ chat, open }: { chat: Chat; open: boolean }) {
  // Read so that the line follows the drafts, which are kept outside the signals.
  void draftChanges.value;
  const draft = open ? "" : draftOf(chat.id);
  return (
    <span class="preview">
      {draft && <span class="draft">{t.draft} </span>}
      <bdi>{draft || previewOf(chat, me.value.id)}</bdi>
    </span>
  );
}

function Marks({ chat }: { chat: Chat }) {
  return (
    <span class="marks">
      {chat.muted && <Icon name="muted" />}
      {chat.muted && <span class="hidden">{t.muted}</span>}
      {(chat.mentions ?? 0) > 0 && (
        <span class="count mention">
          <span aria-hidden="true">@</span>
          <span class="hidden">{t.mentions(chat.mentions ?? 0)}</span>
        </span>
      )}
      {waits(chat) && <Count of={chat.unread} words={t.unread(chat.unread)} />}
    </span>
  );
}

function Count({ of, words }: { of: number; words: string }) {
  return (
    <span class="count">
      <span aria-hidden="true">{of > 99 ? "99+" : of}</span>
      <span class="hidden">{words}</span>
    </span>
  );
}
