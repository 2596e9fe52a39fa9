// One thread beside its chat: what began it, what followed, and a composer of its own. Not for: the list of threads.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n/en";
import { reasonOf } from "../net/api";
import { readThread, setThread, type Thread } from "../net/threads";
import type { Row } from "../state/log";
import { threadsIn } from "../state/threads";
import { type Item, timeline } from "../state/timeline";
import type { Chat, Message } from "../state/types";
import { jump, live, logOf, me, outbox, showToast } from "../store";
import { Composer } from "./composer";
import { dayName, dayOf } from "./format";
import { walkLog } from "./logkeys";
import { MessageRow } from "./message";
import { NotLoaded } from "./notloaded";
import { closePanel, Panel } from "./panel";
import { InThread } from "./threadline";

export function ThreadPanel({ chat, id }: { chat: Chat; id: string }) {
  const thread = useSignal<Thread | null>(null);
  const problem = useSignal("");
  const load = () =>
    readThread(id, null).then(
      (found) => {
        problem.value = "";
        thread.value = found;
      },
      (error) => {
        problem.value = reasonOf(error);
      },
    );
  // Whatever was missed while nothing arrived is read again.
  useEffect(() => void load(), [live.value]);
  const [root, ...replies] = messagesOf(chat.id, id, thread.value);
  useReading(id, thread, replies.at(-1)?.seq ?? 0);
  return (
    <InThread.Provider value={id}>
      <Panel title={t.thread} beneath={chat.name} button={<Follow id={id} thread={thread} />}>
        {problem.value && !thread.value ? (
          <NotLoaded problem={problem.value} onRetry={load} />
        ) : (
          <Replies chat={chat} id={id} root={root ?? null} replies={replies} thread={thread} />
        )}
        <Composer chat={chat} thread={id} answers={thread.value?.root === null ? replies.at(-1)?.id : id} />
      </Panel>
    </InThread.Provider>
  );
}

function Follow({ id, thread }: { id: string; thread: Signal<Thread | null> }) {
  if (!thread.value) return null;
  const follows = thread.value.follow;
  const set = (follow: boolean) => {
    setThread(id, { follow }).then(
      (standing) => {
        if (thread.value) thread.value = { ...thread.value, ...standing };
      },
      (error) => showToast(reasonOf(error)),
    );
  };
  return (
    <button type="button" class="button small" onClick={() => set(!follows)}>
      {follows ? t.unfollow : t.followThread}
    </button>
  );
}

interface Shown {
  chat: Chat;
  id: string;
  root: Message | null;
  replies: Message[];
  thread: Signal<Thread | null>;
}

function Replies({ chat, id, root, replies, thread }: Shown) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const answered = new Set([id, ...replies.map((each) => each.id)]);
  const pending = outbox.value.filter((each) => each.reply_to && answered.has(each.reply_to));
  const view = { userId: me.value.id, newAfter: null, dayOf };
  const rootItems = timeline(root ? [rowOf(root)] : [], [], view);
  const day = root && dayOf(root.created_at);
  // The day that stands above the first message is not said again.
  const items = timeline(replies.map(rowOf), pending, view).filter(
    (item) => item.kind !== "day" || dayOf(item.at) !== day,
  );
  const older = () =>
    readThread(id, replies[0]?.seq ?? null).then(
      (found) => {
        const now = thread.value;
        if (now)
          thread.value = { ...now, has_more: found.has_more, messages: [...found.messages, ...now.messages] };
      },
      (error) => showToast(reasonOf(error)),
    );
  return (
    <div
      ref={box}
      class="thread-log"
      role="log"
      aria-live="off"
      aria-label={t.threadLog}
      tabIndex={0}
      onKeyDown={walkLog}
      onScroll={({ currentTarget: at }) => {
        atEnd.current = at.scrollHeight - at.clientHeight - at.scrollTop < 40;
      }}
    >
      <div class="rows">
        {rootItems.map((item) => (
          <Line key={item.key} item={item} chat={chat} />
        ))}
        {root && (
          <p class="thread-rule">
            <span>{replies.length > 0 || pending.length > 0 ? t.repliesBelow : t.noReplies}</span>
            <button type="button" onClick={() => showInChat(chat.id, id)}>
              {t.showInChat}
            </button>
          </p>
        )}
        {thread.value?.has_more && (
          <button type="button" class="button small" onClick={older}>
            {t.olderReplies}
          </button>
        )}
        {items.map((item) => (
          <Line key={item.key} item={item} chat={chat} />
        ))}
      </div>
    </div>
  );
}

function Line({ item, chat }: { item: Item; chat: Chat }) {
  if (item.kind === "message" || item.kind === "pending") return <MessageRow item={item} chat={chat} />;
  if (item.kind !== "day") return null;
  return (
    <p class="day">
      <time dateTime={item.at}>{dayName(item.at)}</time>
    </p>
  );
}

function showInChat(chatId: string, messageId: string): void {
  if (matchMedia("(max-width: 760px)").matches) closePanel();
  jump.value = { chatId, messageId };
}

/** What was read, as the log has heard of it since; the first one first, undefined where it is not there. */
function messagesOf(chatId: string, id: string, thread: Thread | null): (Message | undefined)[] & Message[] {
  const log = logOf(chatId).value;
  const rows = log?.rows ?? [];
  const heard = new Map(
    [...(log?.unloaded.values() ?? [])].map((known) => [known.message.id, known.message]),
  );
  for (const { message } of rows) if (message) heard.set(message.id, message);
  const first = (thread?.messages[0]?.seq ?? 0) as number;
  const all = new Map((thread?.messages ?? []).map((message) => [message.id, message]));
  for (const message of threadsIn(rows).get(id) ?? [])
    if (!thread?.has_more || message.seq >= first) all.set(message.id, message);
  const replies = [...all.values()].map((each) => heard.get(each.id) ?? each).sort((a, b) => a.seq - b.seq);
  const root = heard.get(id) ?? thread?.root;
  return [root, ...replies] as (Message | undefined)[] & Message[];
}

function rowOf(message: Message): Row {
  const { chat_id, seq, author, created_at: at } = message;
  return { seq, message, version: seq, entry: { chat_id, seq, n: 0, kind: "message", at, author, message } };
}

/** Replies are read where somebody looks at them. */
function useReading(id: string, thread: Signal<Thread | null>, newest: number): void {
  useEffect(() => {
    const read = () => {
      const now = thread.value;
      if (!now || newest <= now.read_seq || document.visibilityState !== "visible") return;
      thread.value = { ...now, read_seq: newest, unread: 0 };
      setThread(id, { read_seq: newest }).then(
        ({ follow }) => {
          if (thread.value) thread.value = { ...thread.value, follow };
        },
        () => {},
      );
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [newest, thread.value !== null]);
}
