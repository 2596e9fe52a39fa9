// The list of chats, the search in it and one's own menu. Not for: the open chat.
import { useComputed, useSignal } from "@preact/signals";
import { t } from "../i18n/en";
import { csrfToken } from "../net/api";
import { loadMoreChats } from "../net/sync";
import { follow, pathOf } from "../route";
import { matching } from "../state/chats";
import { plain } from "../state/plain";
import type { Chat } from "../state/types";
import { chats, draftChanges, draftOf, isAdmin, me, moreChats, openId } from "../store";
import { Avatar, ChatAvatar } from "./avatar";
import { nameOf, shortTime } from "./format";
import { Icon } from "./icons";
import { PopoverButton } from "./menu";

export function Sidebar({ onNew }: { onNew: () => void }) {
  const query = useSignal("");
  const found = useComputed(() => matching(chats.value, query.value));
  return (
    <nav class="sidebar" aria-label={t.chats}>
      <header class="bar">
        <a class="brand" href={pathOf(null)} onClick={(event) => follow(event, null)}>
          <img src="/static/icon.svg" alt="" width="28" height="28" />
          {t.app}
        </a>
        <button type="button" class="tool" aria-label={t.newChat} title={t.newChat} onClick={onNew}>
          <Icon name="newChat" />
        </button>
      </header>
      <label class="search">
        <Icon name="search" />
        <span class="hidden">{t.find}</span>
        <input
          type="search"
          placeholder={t.find}
          value={query.value}
          onInput={(event) => (query.value = event.currentTarget.value)}
        />
      </label>
      <ul class="chats">
        {found.value.map((chat) => (
          <ChatLine key={chat.id} chat={chat} />
        ))}
        <ListEnd searching={query.value !== ""} found={found.value.length} />
      </ul>
      <Me />
    </nav>
  );
}

function ListEnd({ searching, found }: { searching: boolean; found: number }) {
  if (found === 0) return <li class="nothing">{searching ? t.nothingFound : t.noChats}</li>;
  if (searching || !moreChats.value) return null;
  return (
    <li class="nothing">
      <button type="button" class="button small" onClick={() => void loadMoreChats().catch(() => {})}>
        {t.moreChats}
      </button>
    </li>
  );
}

function ChatLine({ chat }: { chat: Chat }) {
  const open = openId.value === chat.id;
  return (
    <li>
      <a
        class={`chat-line ${chat.unread > 0 && !chat.muted ? "waiting" : ""}`}
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
  if (draft) {
    return (
      <span class="preview">
        <span class="draft">{t.draft}</span> <bdi>{draft}</bdi>
      </span>
    );
  }
  return (
    <span class="preview">
      <bdi>{previewText(chat)}</bdi>
    </span>
  );
}

function previewText(chat: Chat): string {
  const last = chat.last_message;
  if (!last) return t.nothingSaid;
  const text = last.deleted ? t.deletedLine : plain(last.text) || t.picture(last.attachments);
  if (last.author.id === me.value.id) return t.says(t.you, text);
  return chat.kind === "direct" ? text : t.says(nameOf(last.author), text);
}

function Marks({ chat }: { chat: Chat }) {
  return (
    <span class="marks">
      {chat.muted && <Icon name="muted" />}
      {chat.muted && <span class="hidden">{t.muted}</span>}
      {chat.unread > 0 && (
        <span class={`count ${chat.muted ? "quiet" : ""}`}>
          <span aria-hidden="true">{chat.unread > 99 ? "99+" : chat.unread}</span>
          <span class="hidden">{t.unread(chat.unread)}</span>
        </span>
      )}
    </span>
  );
}

function Me() {
  const user = me.value;
  return (
    <footer class="me">
      <Avatar of={{ ...user, name: nameOf(user) }} size="small" />
      <span class="me-name">
        <bdi class="name">{nameOf(user)}</bdi>
        <span class="dim">@{user.username}</span>
      </span>
      <PopoverButton label={t.menu} icon="more" kind="menu">
        {() => (
          <>
            <a href="/settings">{t.settings}</a>
            {isAdmin.value && <a href="/admin">{t.admin}</a>}
            <form method="post" action="/logout">
              <input type="hidden" name="csrf_token" value={csrfToken()} />
              <button type="submit">{t.logout}</button>
            </form>
          </>
        )}
      </PopoverButton>
    </footer>
  );
}
