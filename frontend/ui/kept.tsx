// The frame of a panel that lists messages, and one of these in it. Not for: which they are (pins.tsx, saved.tsx).
import type { ComponentChildren } from "preact";
import { t } from "../i18n/en";
import { go, panel, pathOf } from "../route";
import { plain } from "../state/plain";
import type { Message } from "../state/types";
import { jump } from "../store";
import { attachedTo, dayName, fullTimeOf, nameOf, timeOf } from "./format";
import { Icon, type IconName } from "./icons";
import { NotLoaded } from "./notloaded";
import { Panel } from "./panel";

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
  return (
    <Panel title={title} beneath={beneath} focus>
      {problem && <NotLoaded problem={problem} onRetry={onRetry} />}
      {!problem && count === null && (
        <p class="nothing" role="status">
          {t.loading}
        </p>
      )}
      {count === 0 && <p class="nothing">{empty}</p>}
      {!!count && <ul class="threads">{children}</ul>}
      {after}
    </Panel>
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
