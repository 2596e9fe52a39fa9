// What the log shows of threads: the way into one, and how many answered. Not for: the thread itself (thread.tsx).
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { t } from "../i18n/en";
import { panel } from "../route";
import { repliesTo } from "../state/threads";
import type { Message } from "../state/types";
import { logOf } from "../store";
import { Avatar } from "./avatar";
import { nameOf, shortTime } from "./format";
import { openPanel } from "./panel";

/** The thread in whose panel something stands: the id of its first message. */
export const InThread = createContext<string | null>(null);

const PANEL = /^t-([0-9a-f]{24})$/;

/** The thread whose panel is open. */
export const threadShown = (): string | null => PANEL.exec(panel.value ?? "")?.[1] ?? null;
export const panelOf = (thread: string): string => `t-${thread}`;

export function openThread(message: Message): void {
  openPanel(panelOf(message.thread ?? message.id));
}

export function ThreadLine({ message }: { message: Message }) {
  const inThread = useContext(InThread);
  const replies = repliesTo(message, logOf(message.chat_id).value?.rows ?? []);
  if (inThread || !replies) return null;
  return (
    <button type="button" class="thread-line" tabIndex={-1} onClick={() => openThread(message)}>
      {replies.users.map((user) => (
        <Avatar key={user.id} of={{ ...user, name: nameOf(user) }} size="tiny" />
      ))}
      <b>{t.replies(replies.count)}</b>
      <span class="dim">{t.lastReply(shortTime(replies.last_at))}</span>
    </button>
  );
}
