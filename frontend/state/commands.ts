// What a text in the composer means where it begins with a slash, and which commands it may become. Pure.
// Not for: running them (net/commands.ts).
import type { Store } from "./drafts";
import type { Command } from "./types";

const COMMAND = /^\/[a-z][a-z0-9_-]*(\s|$)/i;
const LITERAL = /^\/\/+[a-z][a-z0-9_-]*(\s|$)/i;
const NAME = /^\/([a-z0-9_-]*)$/i;
const BEGUN = /^\/([a-z][a-z0-9_-]*)\s/i;
const KEPT = /^(\S+) (\d+) (.*)$/s;
const SAME_MS = 5 * 60_000;

/** Whether a text is a command and not a message: a slash and a word, as no path nor fraction is. */
export const isCommand = (text: string): boolean => COMMAND.test(text);

/** The text to send as a message: of two slashes before a command's name, one only says that none is meant. */
export const literally = (text: string): string => (LITERAL.test(text) ? text.slice(1) : text);

/** The name in a command's text, in lower case. */
export const nameIn = (text: string): string => /^\/(\S*)/.exec(text)?.[1]?.toLowerCase() ?? "";

/** The commands that a name begun may become, the exact one first; none where no name is being typed. */
export function suggested(commands: readonly Command[], text: string): Command[] {
  const typed = NAME.exec(text)?.[1]?.toLowerCase();
  if (typed === undefined) return [];
  const found = commands.filter(({ name }) => name.startsWith(typed));
  return found.sort((a, b) => Number(b.name === typed) - Number(a.name === typed));
}

/** The command whose arguments are being typed. */
export function begunOf(commands: readonly Command[], text: string): Command | null {
  const typed = BEGUN.exec(text)?.[1]?.toLowerCase();
  return commands.find(({ name }) => name === typed) ?? null;
}

/** The text that picking a command leaves, ready for its arguments. */
export const completed = ({ name, usage }: Command): string => (usage ? `/${name} ` : `/${name}`);

/** Whether a text may be sent as this command already; what stands in brackets can be left out. */
export function isWhole(text: string, { name, usage }: Command): boolean {
  return nameIn(text) === name && text.trim().length === name.length + 1 && /^(\[.*)?$/.test(usage);
}

const key = (userId: string, chatId: string) => `infitalks.command.${userId}.${chatId}`;

/**
 * The client_id under which a chat's command is sent: the same for the same text until it is settled, over reloads
 * too, so that trying again runs nothing twice. After five minutes, though, the same text is meant anew. `now` in ms.
 */
export function commandId(
  store: Store,
  userId: string,
  chatId: string,
  text: string,
  fresh: string,
  now: number,
): string {
  const [, kept, at, of] = KEPT.exec(store.getItem(key(userId, chatId)) ?? "") ?? [];
  if (kept && of === text && Math.abs(now - Number(at)) < SAME_MS) return kept;
  store.setItem(key(userId, chatId), `${fresh} ${now} ${text}`);
  return fresh;
}

/** Forgets the client_id: the server has said what became of the command, or its text is being changed. */
export function settleCommand(store: Store, userId: string, chatId: string): void {
  store.removeItem(key(userId, chatId));
}
