// Reads and dismisses what was said to this user alone. Not for: which of them are shown (state/ephemerals.ts).
import { t } from "../i18n/en";
import { bringBack, dismiss, newlySaid, takeList } from "../state/ephemerals";
import { plain } from "../state/plain";
import type { Ephemeral } from "../state/types";
import { announce, ephemerals, openId, showToast } from "../store";
import { ApiError, call, reasonOf } from "./api";

let asks = 0;
let reading = false;
let readAgain = false;

/** A number for an ask, to be given with its answer: of two that crossed, the later asked counts. */
export const askNumber = (): number => ++asks;

/** Takes the whole list, as the answer to the ask of that number told it. */
export function takeEphemerals(list: readonly Ephemeral[], asked: number): void {
  const before = ephemerals.value;
  ephemerals.value = takeList(before, list, asked);
  const chatId = openId.value;
  if (!chatId) return;
  for (const { author, text } of newlySaid(before, ephemerals.value, chatId))
    announce(t.announceAside(author.display_name, plain(text)));
}

/** Asks for the list, once for all that is said meanwhile; where that fails, the next sync brings it. */
export async function readEphemerals(): Promise<void> {
  readAgain = reading;
  if (reading) return;
  reading = true;
  const asked = askNumber();
  const answer = call<{ ephemerals: Ephemeral[] }>("GET", "/api/ephemerals");
  await answer.then(
    ({ ephemerals: list }) => takeEphemerals(list, asked),
    () => {},
  );
  reading = false;
  if (readAgain) await readEphemerals();
}

/** Takes one away at once; it is back where the server cannot be told. */
export async function dismissEphemeral({ id }: Ephemeral): Promise<void> {
  ephemerals.value = dismiss(ephemerals.value, id);
  try {
    await call("DELETE", `/api/ephemerals/${id}`);
  } catch (error) {
    // Dismissed in another tab, or its day is over.
    if (error instanceof ApiError && error.status === 404) return;
    ephemerals.value = bringBack(ephemerals.value, id);
    showToast(reasonOf(error));
  }
}
