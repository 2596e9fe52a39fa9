// Runs slash commands and asks which there are. A command stays in the composer until the server has taken it.
// Not for: what is one (state/commands.ts), nor messages (sender.ts).
import { type Signal, signal } from "@preact/signals";
import { go } from "../route";
import { commandId, nameIn, settleCommand } from "../state/commands";
import type { Command, Message } from "../state/types";
import { chats, draftOf, me, openId, setDraft } from "../store";
import { ApiError, call, callPatiently, reasonOf } from "./api";
import { feed } from "./drive";
import { newId } from "./ids";
import { takeMessage } from "./receive";

const FRESH_MS = 60_000;

/** A command of one chat: on its way, or `refused` and why. */
export interface Run {
  text: string;
  refused: string | null;
}

const runs = new Map<string, Signal<Run | null>>();
const lists = new Map<string, Signal<readonly Command[]>>();
const askedAt = new Map<string, number>();

/** The command that was taken last, for whoever shows what comes of it. */
export const taken = signal<{ chatId: string; id: string } | null>(null);

export const runOf = (chatId: string): Signal<Run | null> => of(runs, chatId, null);

/** The commands of a chat, as far as they are known; ask for them with `learnCommands`. */
export const commandsOf = (chatId: string): Signal<readonly Command[]> => of(lists, chatId, []);

/** Reads a chat's commands, unless that was within the last minute. */
export async function learnCommands(chatId: string): Promise<void> {
  if (performance.now() - (askedAt.get(chatId) ?? Number.NEGATIVE_INFINITY) < FRESH_MS) return;
  askedAt.set(chatId, performance.now());
  try {
    const { commands } = await call<{ commands: Command[] }>("GET", `/api/chats/${chatId}/commands`);
    commandsOf(chatId).value = commands;
  } catch {
    askedAt.delete(chatId);
  }
}

/** Runs a command; the draft goes once it is taken, else the reason stands in `runOf`. */
export async function runCommand(chatId: string, text: string): Promise<void> {
  const run = runOf(chatId);
  if (run.value?.refused === null) return;
  run.value = { text, refused: null };
  const client_id = commandId(localStorage, me.value.id, chatId, text, newId(), Date.now());
  const path = `/api/chats/${chatId}/commands`;
  try {
    const { message } = await callPatiently<{ message: Message | null }>("POST", path, { text, client_id });
    settleCommand(localStorage, me.value.id, chatId);
    if (draftOf(chatId).trim() === text) setDraft(chatId, "");
    run.value = null;
    if (message) takeMessage(message);
    if (nameIn(text) === "leave") leave(chatId);
    else taken.value = { chatId, id: client_id };
  } catch (error) {
    // One that may have arrived keeps its client_id for the next try.
    if (error instanceof ApiError && !error.passing) settleCommand(localStorage, me.value.id, chatId);
    refuse(chatId, text, reasonOf(error));
  }
}

/** Says why a command is not even tried. */
export function refuse(chatId: string, text: string, refused: string): void {
  runOf(chatId).value = { text, refused };
}

/** Takes away what was said about a command, since its text is being changed: then it is another one. */
export function forgetRefusal(chatId: string): void {
  settleCommand(localStorage, me.value.id, chatId);
  if (runOf(chatId).value?.refused) runOf(chatId).value = null;
}

/** As the settings page's form: to the newest of the other chats. */
function leave(chatId: string): void {
  if (openId.value === chatId) go(chats.value.find(({ id }) => id !== chatId)?.id ?? null);
  feed({ kind: "gone", chat: chatId });
}

function of<T>(all: Map<string, Signal<T>>, chatId: string, first: T): Signal<T> {
  const made = all.get(chatId) ?? signal(first);
  all.set(chatId, made);
  return made;
}
