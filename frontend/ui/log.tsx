// The messages of one chat: scrolling, older pages, the New line, what counts as read, and keys.
// Not for: one message (message.tsx).
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { taken } from "../net/commands";
import { feed } from "../net/drive";
import { sawUpTo } from "../net/reading";
import { loadOlder, shorten, toPresent } from "../net/sync";
import { saidIn } from "../state/ephemerals";
import type { ChatLog } from "../state/log";
import { pause } from "../state/page";
import { byDay, type Item, placed, timeline } from "../state/timeline";
import type { Chat } from "../state/types";
import { about, ephemerals, logOf, me, outbox } from "../store";
import { Aside } from "./aside";
import { copyMessages } from "./copying";
import { dayName, dayOf } from "./format";
import { Icon } from "./icons";
import { useJump } from "./jumping";
import { later } from "./later";
import { walkLog } from "./logkeys";
import { MessageRow } from "./message";
import { Note } from "./note";
import { ScrollKeeper } from "./scroll";

const About = later(async () => (await import("./about")).About);

/** Older messages are fetched when fewer pixels than this are left above. */
const AHEAD = 600;

export function Log({ chat }: { chat: Chat }) {
  const log = logOf(chat.id).value;
  const box = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const keeper = useRef<ScrollKeeper | null>(null);
  const below = useSignal(0);
  const away = useSignal(false);
  const newAfter = useNewLine(chat);
  // The rows still stand as they were: Preact changes them after this function.
  keeper.current?.changing();
  if (keeper.current) keeper.current.present = !log?.past;
  useKeeper(chat.id, box, rows, keeper, below, away);
  useLanding(log !== null, keeper, rows, newAfter);
  useJump(chat.id, log, keeper, rows);
  const toEnd = () =>
    void toPresent(chat.id).then(
      () => keeper.current?.toBottom(),
      () => {},
    );
  useOwn(outbox.value.findLast((each) => each.chat_id === chat.id)?.client_id, toEnd);
  useOwn(taken.value?.chatId === chat.id ? taken.value.id : undefined, toEnd);
  const items = itemsOf(chat, log, newAfter);
  const newest = log?.rows.findLast(({ message }) => message?.author.id === me.value.id)?.seq;
  return (
    <div class="log-place">
      <div
        ref={box}
        class="log"
        role="log"
        aria-live="off"
        aria-label={t.log(chat.name)}
        tabIndex={0}
        onKeyDown={walkLog}
        onCopy={(event) => copyMessages(event, log)}
      >
        <div ref={rows} class="rows">
          <LogStart chat={chat} log={log} />
          {byDay(items).map((day) => (
            <section key={day[0]?.key}>
              {day.map((item) => (
                <Line key={item.key} item={item} chat={chat} newest={newest} />
              ))}
            </section>
          ))}
        </div>
      </div>
      {about.value && <About />}
      <Pill chat={chat} away={away} below={below} onClick={toEnd} />
    </div>
  );
}

function itemsOf(chat: Chat, log: ChatLog | null, newAfter: number | null): Item[] {
  const pending = outbox.value.filter((each) => each.chat_id === chat.id);
  const asides = log ? placed(saidIn(ephemerals.value, chat.id), log) : [];
  return timeline(log?.rows ?? [], pending, { userId: me.value.id, newAfter, dayOf }, asides);
}

/** `newest`: the seq of one's own newest message. */
function Line({ item, chat, newest }: { item: Item; chat: Chat; newest: number | undefined }) {
  if (item.kind === "message") return <MessageRow item={item} chat={chat} newest={item.seq === newest} />;
  if (item.kind === "pending") return <MessageRow item={item} chat={chat} newest={false} />;
  if (item.kind === "note") return <Note row={item.row} />;
  if (item.kind === "aside") return <Aside ephemeral={item.ephemeral} />;
  if (item.kind === "new") return <p class="new-line">{t.newLine}</p>;
  return (
    <p class="day">
      <time dateTime={item.at}>{dayName(item.at)}</time>
    </p>
  );
}

function LogStart({ chat, log }: { chat: Chat; log: ChatLog | null }) {
  if (!log?.start) return <p class="log-start">{log ? t.older : t.loading}</p>;
  return <p class="log-start">{chat.kind === "direct" ? t.startDirect(chat.name) : t.start(chat.name)}</p>;
}

function Pill(props: { chat: Chat; away: Signal<boolean>; below: Signal<number>; onClick: () => void }) {
  if (!props.away.value) return null;
  const log = logOf(props.chat.id).value;
  const fresh = log?.past ? props.chat.unread : countAfter(log, props.below.value);
  return (
    <button type="button" class={`pill ${fresh > 0 ? "fresh" : ""}`} onClick={props.onClick}>
      <Icon name="down" />
      {t.newMessages(fresh)}
    </button>
  );
}

function countAfter(log: ChatLog | null, seq: number): number {
  return log?.rows.filter((row) => row.seq > seq && row.message).length ?? 0;
}

/** The read position when the chat was opened, or when messages came while nobody looked. */
function useNewLine(chat: Chat): number | null {
  const [line, setLine] = useState(chat.unread > 0 ? chat.read_seq : null);
  const unread = useRef(chat.unread);
  useEffect(() => {
    if (document.visibilityState === "hidden" && unread.current === 0 && chat.unread > 0)
      setLine(chat.read_seq);
    unread.current = chat.unread;
  }, [chat.unread, chat.read_seq]);
  return line;
}

type Ref<T> = { current: T | null };

function useKeeper(
  chatId: string,
  box: Ref<HTMLDivElement>,
  rows: Ref<HTMLDivElement>,
  keeper: Ref<ScrollKeeper>,
  below: Signal<number>,
  away: Signal<boolean>,
): void {
  useLayoutEffect(() => {
    if (!box.current || !rows.current) return;
    const kept = new ScrollKeeper(box.current, rows.current);
    keeper.current = kept;
    kept.present = kept.stuck = !logOf(chatId).value?.past;
    kept.moved = () => heed(chatId, kept, below, away);
    const resized = new ResizeObserver(() => kept.restore());
    resized.observe(box.current);
    resized.observe(rows.current);
    box.current.addEventListener("scroll", () => kept.scrolled(), { passive: true });
    document.addEventListener("visibilitychange", kept.moved);
    return () => {
      resized.disconnect();
      document.removeEventListener("visibilitychange", kept.moved);
      keeper.current = null;
    };
  }, [chatId]);
  useLayoutEffect(() => keeper.current?.restore());
}

/** What follows from where the view now stands. */
function heed(chatId: string, keeper: ScrollKeeper, below: Signal<number>, away: Signal<boolean>): void {
  const log = logOf(chatId).value;
  // On its way to the New line the view passes what nobody has read.
  if (!log || !keeper.landed) return;
  if (keeper.stuck) below.value = log.through;
  shorten(chatId, keeper.stuck ? null : keeper.firstSeen());
  away.value = log.past || keeper.distance() > keeper.box.clientHeight / 2;
  if (keeper.box.scrollTop < AHEAD) void fetchOlder(chatId, keeper);
  if (log.past && keeper.distance() < AHEAD) feed({ kind: "more", chat: chatId });
  if (document.visibilityState !== "visible") return;
  const seen = keeper.lastSeen();
  const all = seen >= (log.rows.at(-1)?.seq ?? 0);
  sawUpTo(chatId, all ? log.through : seen);
}

const fetching = new Set<string>();
let failures = 0;

async function fetchOlder(chatId: string, keeper: ScrollKeeper): Promise<void> {
  if (fetching.has(chatId)) return;
  fetching.add(chatId);
  try {
    await loadOlder(chatId);
    failures = 0;
  } catch {
    await new Promise((done) => setTimeout(done, pause(failures++)));
  }
  fetching.delete(chatId);
  // Who stays at the top is served without scrolling once more.
  if (failures > 0 && keeper.box.isConnected) keeper.moved();
}

/** What one sends is shown, wherever one was reading; so is what comes of a command. */
function useOwn(newest: string | undefined, toEnd: () => void): void {
  const seen = useRef(newest);
  useLayoutEffect(() => {
    if (newest && newest !== seen.current) toEnd();
    seen.current = newest;
  }, [newest]);
}

/** A chat opens at its New line, else at the end. */
function useLanding(
  ready: boolean,
  keeper: Ref<ScrollKeeper>,
  rows: Ref<HTMLDivElement>,
  newAfter: number | null,
) {
  useLayoutEffect(() => {
    const line = newAfter !== null && rows.current?.querySelector(".new-line");
    if (!ready || !keeper.current) return;
    keeper.current.landed = true;
    if (line) keeper.current.show(line);
    else if (keeper.current.present) keeper.current.toBottom();
    // A place in the past is gone to by its number.
    else keeper.current.stuck = false;
  }, [ready]);
}
