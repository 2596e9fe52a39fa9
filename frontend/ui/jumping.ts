// Goes to a message that something asked for, wherever in the log it is. Not for: where a chat opens (log.tsx).
import { useEffect } from "preact/hooks";
import { t } from "../i18n/en";
import { call } from "../net/api";
import { loadAround, loadOlder } from "../net/sync";
import { type ChatLog, placeOf } from "../state/log";
import type { Message } from "../state/types";
import { jump, showToast } from "../store";
import type { ScrollKeeper } from "./scroll";

/** So few entries above what is loaded, and they are loaded too; farther away one is better off without all between. */
const NEAR = 100;
const MARKED_MS = 2500;

type Ref<T> = { current: T | null };
type Target = NonNullable<typeof jump.value>;

let seeking: Target | null = null;

/** Follows `jump` in this chat's log. */
export function useJump(
  chatId: string,
  log: ChatLog | null,
  keeper: Ref<ScrollKeeper>,
  rows: Ref<HTMLElement>,
): void {
  const target = jump.value;
  useEffect(() => {
    if (target?.chatId !== chatId || !log || seeking === target) return;
    const seq = placeIn(log, target);
    if (seq === null) return void seek(target, log);
    jump.value = null;
    const element = rows.current?.querySelector(`[data-seq="${seq}"]`);
    if (element) arrive(element, keeper.current);
  }, [target, log]);
}

/** The row that is meant, or the one after an entry that is none; null where that is not loaded. */
function placeIn(log: ChatLog, { messageId, seq, loaded }: Target): number | null {
  if (seq === undefined) return log.rows.find(({ message }) => message?.id === messageId)?.seq ?? null;
  const below = seq < log.from && !log.start;
  if (!loaded && (below || (seq > log.through && log.past))) return null;
  return (log.rows[placeOf(log.rows, seq)] ?? log.rows.at(-1))?.seq ?? null;
}

async function seek(target: Target, log: ChatLog): Promise<void> {
  seeking = target;
  try {
    const seq = target.seq ?? (await call<Message>("GET", `/api/messages/${target.messageId}`)).seq;
    if (seq < log.from && log.from - seq < NEAR) await loadOlder(target.chatId);
    else await loadAround(target.chatId, seq);
    if (jump.value === target) jump.value = { chatId: target.chatId, seq, loaded: true };
  } catch {
    jump.value = null;
    showToast(t.notThere);
  }
  seeking = null;
}

function arrive(element: Element, keeper: ScrollKeeper | null): void {
  keeper?.show(element);
  element.classList.add("sought");
  setTimeout(() => element.classList.remove("sought"), MARKED_MS);
}
