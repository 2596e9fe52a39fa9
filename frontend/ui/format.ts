// Times and names in the reader's language and zone. Not for: sentences (i18n/).
import { t } from "../i18n/en";
import { filesIn } from "../state/files";
import { plain } from "../state/plain";
import type { Chat, Message, User } from "../state/types";
import { today } from "./today";

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const thisYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const anyYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const DAY_MS = 86_400_000;

export const timeOf = (at: string): string => clock.format(new Date(at));
export const fullTimeOf = (at: string): string => full.format(new Date(at));
export const nameOf = (user: User): string => user.display_name || user.username;

/** What a message without text has instead. */
export const attachedTo = ({ attachments }: Message): string =>
  t.attached(attachments.length, filesIn(attachments));

/** Whether somebody is here, in a word. */
export const presenceWord = (presence: "online" | "away" | undefined): string =>
  presence ? t[presence] : t.offline;

/** A key that is the same for all times of one day here. */
export function dayOf(at: string): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** "Today", "Yesterday", or the date. */
export function dayName(at: string, now = today.value): string {
  const days = daysAgo(at, now);
  if (days === 0) return t.today;
  if (days === 1) return t.yesterday;
  const date = new Date(at);
  return (date.getFullYear() === new Date(now).getFullYear() ? thisYear : anyYear).format(date);
}

/** What was said last in a chat, in a line. */
export function previewOf({ kind, last_message: last }: Chat, userId: string): string {
  if (!last) return t.nothingSaid;
  const text = last.deleted ? t.deletedLine : plain(last.text) || t.attached(last.attachments, last.files);
  if (last.author.id === userId) return t.says(t.you, text);
  return kind === "direct" ? text : t.says(nameOf(last.author), text);
}

/** A time as short as it can be told, for the list of chats. */
export function shortTime(at: string, now = today.value): string {
  const days = daysAgo(at, now);
  if (days === 0) return timeOf(at);
  return (days < 7 ? weekday : shortDay).format(new Date(at));
}

function daysAgo(at: string, now: number): number {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  return Math.round((midnight - new Date(at).setHours(0, 0, 0, 0)) / DAY_MS);
}
