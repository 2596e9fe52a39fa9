// The keys that work everywhere on the chat page. Not for: those of the log (logkeys.ts) or the composer (state/keys.ts).
import { signal } from "@preact/signals";
import { go } from "../route";
import { composing } from "../state/keys";
import { neighbour, waits } from "../state/sections";
import { chats, openId } from "../store";

/** The dialogs that keys open; both are fetched when they are first shown. */
export type Opened = "switcher" | "shortcuts" | "threads";
export const opened = signal<{ what: Opened; turn: number } | null>(null);

let turns = 0;

export const open = (what: Opened): void => {
  opened.value = { what, turn: turns++ };
};

/** A dialog tells that it closed a moment later: keys may have opened another one, or it once more, by then. */
export const close = (turn: number): void => {
  if (opened.value?.turn === turn) opened.value = null;
};

/** What F6 goes through, in this order: the list, the messages, the composer, a panel. */
const LANDMARKS = [".chats [aria-current], .chats a, .sidebar input", ".log", "#composer", ".panel"];
const FIELDS = "input, textarea, select, [contenteditable], dialog, [popover]";

/** Listens; `single`: whether keys without Ctrl or Alt are wanted. */
export function watchKeys(single: () => boolean): void {
  // Before the log and the composer, which take arrows whatever is pressed with them.
  const listen = (event: KeyboardEvent) => {
    if (composing(event) || !act(event, single())) return toComposer(event);
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener("keydown", listen, { capture: true });
}

function act(event: KeyboardEvent, single: boolean): boolean {
  const { key, altKey: alt, shiftKey: shift } = event;
  const command = event.ctrlKey || event.metaKey;
  if (document.querySelector("dialog[open]")) return false;
  if (command && !alt && !shift && key.toLowerCase() === "k") open("switcher");
  else if (command && !alt && key === "/") open("shortcuts");
  else if (key === "?" && !command && single && !(event.target as Element).closest(FIELDS)) open("shortcuts");
  else if (alt && !command && /^Arrow(Up|Down)$/.test(key)) step(key === "ArrowDown" ? 1 : -1, shift);
  else if (key === "F6" && !command && !alt) nextLandmark(shift ? -1 : 1);
  else return false;
  return true;
}

/** What is typed where nothing takes it is meant for the composer, which gets it by having the focus now. */
function toComposer({ key, altKey, ctrlKey, metaKey }: KeyboardEvent): void {
  if ([...key].length !== 1 || key === " " || altKey || ctrlKey || metaKey) return;
  const at = document.activeElement;
  const idle = !at || at === document.body || at.matches(".log, .log article");
  if (idle && !document.querySelector("dialog[open], :popover-open"))
    document.querySelector<HTMLElement>("#composer")?.focus();
}

function step(by: 1 | -1, unread: boolean): void {
  const chat = neighbour(chats.value, openId.value, by, unread ? waits : undefined);
  if (chat) go(chat.id);
}

function nextLandmark(by: 1 | -1): void {
  const there = LANDMARKS.map(firstShown);
  const here = there.findLastIndex((each) => each && contains(each));
  for (let at = here + by, left = there.length; left > 0; at += by, left--) {
    const next = there[(at + 2 * there.length) % there.length];
    if (!next) continue;
    next.focus();
    return;
  }
}

/** Whether the focus is in it, or in the part of the page that it stands for. */
function contains(landmark: HTMLElement): boolean {
  const part = landmark.closest(".sidebar, .log, .composer, .panel") ?? landmark;
  return part.contains(document.activeElement);
}

function firstShown(selector: string): HTMLElement | undefined {
  const one = selector.split(", ").map((each) => [...document.querySelectorAll<HTMLElement>(each)]);
  return one.flat().find((each) => each.checkVisibility());
}
