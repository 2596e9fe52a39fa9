// Asks for quoted messages that are not loaded: together, a moment after they are missed. Their chat's log keeps them
// and follows what happens to them. Not for: showing them (ui/message.tsx).
import { batch, signal } from "@preact/signals";
import { addNamed } from "../state/log";
import { pause } from "../state/page";
import type { Message } from "../state/types";
import { changeLog, openChat } from "../store";
import { ApiError, call } from "./api";

/** The server takes this many ids at once. */
const MOST = 100;

/** The ids of quoted messages that are not this user's to see. */
export const unseen = signal<ReadonlySet<string>>(new Set());

const wanted = new Set<string>();
let chat = "";
let timer: ReturnType<typeof setTimeout> | undefined;
let failures = 0;

/** Has a message of the open chat brought into its log; asks again where that fails. */
export function askQuoted(chatId: string, id: string): void {
  // Whoever comes back to another chat misses its messages anew.
  if (chatId !== chat) wanted.clear();
  chat = chatId;
  wanted.add(id);
  askLater();
}

function askLater(): void {
  if (timer) return;
  // All members of a chat may miss the same one at the same time: together they take a millisecond for each.
  const spread = Math.random() * (openChat.value?.member_count ?? 0);
  timer = setTimeout(ask, failures > 0 ? pause(failures - 1) : spread);
}

async function ask(): Promise<void> {
  const from = chat;
  const ids = [...wanted].slice(0, MOST);
  for (const id of ids) wanted.delete(id);
  try {
    await bring(from, ids);
    failures = 0;
  } catch (error) {
    failures++;
    if (from === chat && mayCome(error)) for (const id of ids) wanted.add(id);
  }
  timer = undefined;
  if (wanted.size > 0) askLater();
}

async function bring(chatId: string, ids: string[]): Promise<void> {
  type Answer = { messages: Message[]; as_of: number };
  const { messages, as_of } = await call<Answer>("GET", `/api/messages?chat=${chatId}&ids=${ids}`);
  const there = new Set(messages.map(({ id }) => id));
  batch(() => {
    changeLog(chatId, (log) => addNamed(log, messages, as_of));
    unseen.value = new Set([...unseen.value, ...ids.filter((id) => !there.has(id))]);
  });
}

/** Not while nobody is signed in: who is then, misses them anew. */
const mayCome = (error: unknown): boolean =>
  error instanceof ApiError && error.passing && error.status !== 401;
