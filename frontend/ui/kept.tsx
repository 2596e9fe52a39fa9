// The frame of a panel that lists messages, and one of these in it. Not for: which they are (pins.tsx, saved.tsx).
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/en";
import { go, panel, pathOf } from "../route";
import { plain } from "../state/plain";
import type { Message } from "../state/types";
import { jump } from "../store";
import { attachedTo, dayName, fullTimeOf, nameOf, timeOf } from "./format";
import { Icon, type IconName } from "./icons";
import { closePanel, openedHere } from "./threadline";

interface Frame {
  title: string;
  beneath?: string;
  /** Null: on its way. */
  count: number | null;
  empty: string;
  problem: string;
  onRetry: () => void;
  children: ComponentChildren;
  after?: ComponentChildren;
}

export function KeptPanel({ title, beneath, count, empty, problem, onRetry, children, after }: Frame) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (openedHere()) box.current?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && !event.defaultPrevented) closePanel();
  };
  return (
    <aside ref={box} class="panel thread" tabIndex={-1} aria-label={title} onKeyDown={onKeyDown}>
      <header class="bar">
        <div class="chat-title">
          <h2>{title}</h2>
          {beneath && (
            <p class="dim">
              <bdi>{beneath}</bdi>
            </p>
          )}
        </div>
        <button
          type="button"
          class="tool"
          aria-label={t.closePanel}
          title={t.closePanel}
          onClick={closePanel}
        >
          <Icon name="close" />
        </button>
      </header>
      {problem && (
        <div class="not-loaded" role="alert">
          <p>{problem}</p>
          <button type="button" class="button small" onClick={onRetry}>
            {t.retry}
          </button>
        </div>
      )}
      {!problem && count === null && (
        <p class="nothing" role="status">
          {t.loading}
        </p>
      )}
      {count === 0 && <p class="nothing">{empty}</p>}
      {!!count && <ul class="threads">{children}</ul>}
      {after}
    </aside>
  );
}

interface Line {
  message: Message;
  beneath: string;
  icon: IconName;
  /** What its button does. */
  act: string;
  onAct: () => void;
}

export function KeptMessage({ message, beneath, icon, act, onAct }: Line) {
  const { chat_id, seq, created_at: at } = message;
  return (
    <li class="kept-item">
      <a href={`${pathOf(chat_id)}/${seq}`} onClick={(event) => toMessage(event, message)}>
        <span>
          <bdi class="name">{nameOf(message.author)}</bdi>{" "}
          <time class="dim" dateTime={at} title={fullTimeOf(at)}>
            {dayName(at)}, {timeOf(at)}
          </time>
        </span>
        <bdi class="kept-text">{plain(message.text) || attachedTo(message)}</bdi>
        <span class="dim">
          <bdi>{beneath}</bdi>
        </span>
      </a>
      <button
        type="button"
        class="tool"
        aria-label={act}
        title={act}
        onClick={(event) => leave(event, onAct)}
      >
        <Icon name={icon} />
      </button>
    </li>
  );
}

/** The button goes with its line: the focus would be lost. */
function leave(event: { currentTarget: HTMLElement }, onAct: () => void): void {
  event.currentTarget.closest<HTMLElement>(".panel")?.focus();
  onAct();
}

/** Where there is room, the panel stays beside it. */
function toMessage(event: MouseEvent, { id, chat_id }: Message): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(chat_id, matchMedia("(max-width: 1100px)").matches ? null : panel.value);
  jump.value = { chatId: chat_id, messageId: id };
}
