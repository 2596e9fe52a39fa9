// The side of the page: search, the list of chats, one's own menu. Not for: the list itself (chatlist.tsx).
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n/en";
import { csrfToken } from "../net/api";
import { askSaved } from "../net/saved";
import { askUnread, unreadThreads } from "../net/threads";
import { follow, pathOf } from "../route";
import { matching } from "../state/chats";
import { chats, isAdmin, live, me } from "../store";
import { Avatar } from "./avatar";
import { ChatList } from "./chatlist";
import { nameOf } from "./format";
import { Icon } from "./icons";
import { open } from "./keys";
import { PopoverButton } from "./menu";
import { openPanel } from "./panel";

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
          onKeyDown={(event) => {
            if (event.key === "Escape") query.value = "";
          }}
        />
      </label>
      <div class="entries">
        <ThreadsEntry />
        <SavedEntry />
      </div>
      <ChatList list={found.value} whole={query.value === ""} />
      <Me />
    </nav>
  );
}

/** The way to the threads that one follows, and how many have something new. */
function ThreadsEntry() {
  const count = unreadThreads.value;
  useEffect(askUnread, []);
  return (
    <button type="button" class="threads-entry" onClick={() => open("threads")}>
      <Icon name="thread" />
      {t.threads}
      {count > 0 && (
        <span class="count">
          <span aria-hidden="true">{count > 99 ? "99+" : count}</span>
          <span class="hidden">{t.threadsUnread(count)}</span>
        </span>
      )}
    </button>
  );
}

/** The way to what one saved. */
function SavedEntry() {
  const isLive = live.value;
  useEffect(askSaved, [isLive]);
  return (
    <button type="button" class="threads-entry" onClick={() => openPanel("saved")}>
      <Icon name="saved" />
      {t.saved}
    </button>
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
        {(close) => (
          <>
            <a href="/settings">{t.settings}</a>
            {isAdmin.value && <a href="/admin">{t.admin}</a>}
            <button
              type="button"
              onClick={() => {
                close();
                open("shortcuts");
              }}
            >
              {t.shortcuts}
            </button>
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
