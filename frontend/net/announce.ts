// Tells screen readers what others newly say in the open chat. Not for: pages of history, which nobody waits for.
import { t } from "../i18n/en";
import { filesIn } from "../state/files";
import { plain } from "../state/plain";
import type { Entry, MessageEntry } from "../state/types";
import { announce, me, openId } from "../store";

/** One after another is read out; of more, their number. */
const MOST_READ = 3;
/** Up to where each chat was told of: the same entry may come by event and by page. */
const told = new Map<string, number>();

/** Reads out what is new to others' ears of entries that just came. */
export function announceNew(chatId: string, entries: readonly Entry[]): void {
  const before = told.get(chatId) ?? 0;
  told.set(chatId, Math.max(before, ...entries.map(({ seq }) => seq)));
  const fresh = entries.filter((entry): entry is MessageEntry => entry.seq > before && isNews(entry));
  if (chatId !== openId.value || fresh.length === 0) return;
  announce(fresh.length > MOST_READ ? t.newMessages(fresh.length) : fresh.map(lineOf).join("\n"));
}

function lineOf({ author, message: { text, attachments } }: MessageEntry): string {
  return t.announce(author.display_name, plain(text) || t.attached(attachments.length, filesIn(attachments)));
}

function isNews({ kind, author }: Entry): boolean {
  return kind === "message" && author.id !== me.value.id;
}
