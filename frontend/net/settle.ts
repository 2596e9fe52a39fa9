// Ends what was on its way once a chat's log shows it. Not for: sending (sender.ts).
import { confirmedIn, forget } from "../state/outbox";
import { logOf, me, outbox } from "../store";

/** Drops the messages of the outbox that the chat's log now shows. */
export function settle(chatId: string): void {
  const rows = logOf(chatId).value?.rows ?? [];
  const there = new Set(
    confirmedIn(
      rows.map((row) => row.entry),
      me.value.id,
    ),
  );
  const done = outbox.value.filter((each) => each.chat_id === chatId && there.has(each.client_id));
  for (const pending of done) forget(localStorage, me.value.id, pending.client_id);
  if (done.length > 0) outbox.value = outbox.value.filter((each) => !done.includes(each));
}
