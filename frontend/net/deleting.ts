// Deletes messages a few seconds after they were asked away, so that it can be undone; leaving the page does it at once.
// Not for: asking whether one is sure (ui/about.tsx).
import { signal } from "@preact/signals";
import { patchMessage } from "../state/log";
import type { Message } from "../state/types";
import { changeLog, showToast } from "../store";
import { deleteMessage } from "./acts";
import { csrfToken } from "./api";

const UNDO_MS = 5000;

/** Messages that go unless it is undone, by id. */
export const leaving = signal<ReadonlyMap<string, Message>>(new Map());

/** Deletes a message in five seconds. */
export function deleteSoon(message: Message): void {
  leaving.value = new Map(leaving.value).set(message.id, message);
  setTimeout(() => finish(message), UNDO_MS);
}

/** Undoes that, where it is not too late. */
export function undelete({ id }: Message): void {
  leaving.value = new Map([...leaving.value].filter(([each]) => each !== id));
}

function finish(message: Message): void {
  // Another time, after an undo, has its own five seconds.
  if (leaving.value.get(message.id) !== message) return;
  deleteMessage(message).catch((error: Error) => showToast(error.message));
  undelete(message);
}

/** Whoever leaves has made up their mind. */
export function deleteOnLeaving(): void {
  addEventListener("pagehide", () => {
    const headers = { "X-CSRF-Token": csrfToken() };
    for (const { id, chat_id } of leaving.value.values()) {
      void fetch(`/api/messages/${id}`, { method: "DELETE", headers, keepalive: true });
      changeLog(chat_id, (log) => patchMessage(log, id, (now) => ({ ...now, deleted: true })));
    }
    leaving.value = new Map();
  });
}
