// What may be chosen for what is being typed: commands, people, chats, emoji. Not for: showing it (suggestions.tsx).
import { signal } from "@preact/signals";
import { t } from "../i18n/en";
import { findPeople } from "../net/acts";
import { commandsOf, learnCommands } from "../net/commands";
import { emojis, learnEmoji } from "../net/emoji";
import { completed, suggested } from "../state/commands";
import type { Typed } from "../state/completion";
import type { Emoji } from "../state/emoji";
import { fitting } from "../state/fuzzy";
import type { Chat, Command, User } from "../state/types";
import { chats, me, members } from "../store";

/** `insert` takes the place of what was typed. */
export type Choice = { key: string; insert: () => string } & (
  | { kind: "command"; command: Command }
  | { kind: "person"; user: User; here: boolean }
  | { kind: "everybody"; count: number }
  | { kind: "chat"; chat: Chat }
  | { kind: "emoji"; emoji: Emoji }
);

const MOST = 8;
const ASK_MS = 150;

export function commandChoices(chatId: string, text: string): Choice[] {
  return suggested(commandsOf(chatId).value, text).map((command) => ({
    kind: "command",
    key: `/${command.name}`,
    command,
    insert: () => completed(command),
  }));
}

/** Has what is typed fetched, where it is not here yet. */
export function prepare(chatId: string, text: string, typed: Typed | null): void {
  if (text.startsWith("/")) void learnCommands(chatId);
  if (typed?.kind === "emoji" || /:[+\w-]+:/.test(text)) void learnEmoji();
  if (typed?.kind === "person") askPeople(typed.typed);
}

export function choicesFor(chatId: string, { kind, typed }: Typed): Choice[] {
  if (kind === "emoji") return emojiChoices(typed);
  return kind === "chat" ? chatChoices(typed) : personChoices(chatId, typed);
}

function emojiChoices(typed: string): Choice[] {
  return (emojis.value?.search(typed, MOST) ?? []).map((emoji) => ({
    kind: "emoji",
    key: emoji.emoji,
    emoji,
    insert: () => emojis.value?.used(emoji) ?? emoji.emoji,
  }));
}

function chatChoices(typed: string): Choice[] {
  const groups = chats.value.filter(({ kind }) => kind === "group");
  return fitting(groups, typed, ({ name }) => name)
    .slice(0, MOST)
    .map((chat) => ({ kind: "chat", key: chat.id, chat, insert: () => `#${chat.name} ` }));
}

/** Who is in the chat first; whoever else has that name may be meant, but is not called. */
function personChoices(chatId: string, typed: string): Choice[] {
  const here = (members.value.get(chatId) ?? [])
    .map(({ user }) => user)
    .filter((user) => user.id !== me.value.id);
  const inside = named(here, typed).map((user) => asPerson(user, true));
  const known = new Set([me.value.id, ...here.map(({ id }) => id)]);
  const others = named(found.value.typed === typed ? found.value.people : [], typed);
  const outside = others.filter(({ id }) => !known.has(id)).map((user) => asPerson(user, false));
  const everybody: Choice = { kind: "everybody", key: "all", count: here.length + 1, insert: () => "@all " };
  const calls = here.length > 1 && "all".startsWith(typed.toLowerCase()) ? [everybody] : [];
  return [...inside.slice(0, MOST), ...calls, ...outside].slice(0, MOST + calls.length);
}

const named = (users: readonly User[], typed: string): readonly User[] =>
  fitting(users, typed, ({ username, display_name: name }) => `${name} ${username}`);

function asPerson(user: User, here: boolean): Choice {
  return { kind: "person", key: user.id, user, here, insert: () => `@${user.username} ` };
}

const found = signal<{ typed: string; people: readonly User[] }>({ typed: "", people: [] });
let asking: ReturnType<typeof setTimeout> | undefined;

function askPeople(typed: string): void {
  clearTimeout(asking);
  if (!typed || found.value.typed === typed) return;
  asking = setTimeout(async () => {
    const people = await findPeople(typed).catch(() => null);
    if (people) found.value = { typed, people };
  }, ASK_MS);
}

/** What the list is called. */
export function nameOfList(choices: readonly Choice[]): string {
  const kind = choices[0]?.kind;
  if (kind === "command") return t.commands;
  if (kind === "emoji") return t.emoji;
  return kind === "chat" ? t.chatsHere : t.people;
}
