// Sends messages, one after another in each chat, each under one client_id however often it is tried.
// Not for: what is kept of them (state/outbox.ts).

import { t } from "../i18n/en";
import { changed, forget, keep, type Pending, readOutbox } from "../state/outbox";
import type { Attachment, Message } from "../state/types";
import { logOf, me, outbox } from "../store";
import { ApiError, callPatiently } from "./api";
import { newId } from "./ids";
import { takeMessage } from "./receive";

const queues = new Map<string, Promise<void>>();
let leaving = false;

/** Shows a message as on its way and sends it. */
export function sendMessage(
  chatId: string,
  text: string,
  attachments: Attachment[],
  replyTo: string | null,
): void {
  const pending: Pending = {
    client_id: newId(),
    chat_id: chatId,
    text,
    attachments,
    reply_to: replyTo,
    created_at: new Date().toISOString(),
    state: "sending",
    error: null,
    passing: false,
  };
  keep(localStorage, me.value.id, pending);
  outbox.value = [...outbox.value, pending];
  enqueue(pending);
}

/** Tries a failed message again, under the same client_id. */
export function retryMessage(clientId: string): void {
  const pending = outbox.value.find((each) => each.client_id === clientId);
  if (pending?.state !== "failed") return;
  update(clientId, { state: "sending", error: null });
  enqueue(pending);
}

/** Gives a message up. */
export function discardMessage(clientId: string): void {
  forget(localStorage, me.value.id, clientId);
  outbox.value = outbox.value.filter((each) => each.client_id !== clientId);
}

/** Takes up what an earlier visit left behind. */
export function resumeOutbox(): void {
  addEventListener("pagehide", () => {
    leaving = true;
  });
  addEventListener("pageshow", () => {
    leaving = false;
  });
  outbox.value = readOutbox(localStorage, me.value.id);
  for (const pending of outbox.value) if (pending.state === "sending") enqueue(pending);
}

/** Tries again what failed because nothing answered; called when something answers again. */
export function retryPassing(): void {
  for (const pending of outbox.value) if (pending.passing) retryMessage(pending.client_id);
}

// One after another, so that they are stored in the order in which they were written.
function enqueue(pending: Pending): void {
  const before = queues.get(pending.chat_id) ?? Promise.resolve();
  queues.set(
    pending.chat_id,
    before.then(() => deliver(pending)),
  );
}

async function deliver(pending: Pending): Promise<void> {
  // It may have been confirmed or given up while it waited.
  if (!outbox.value.some((each) => each.client_id === pending.client_id)) return;
  try {
    const message = await post(pending);
    forget(localStorage, me.value.id, pending.client_id);
    if (logOf(pending.chat_id).value) update(pending.client_id, { state: "sent" });
    else discardMessage(pending.client_id);
    takeMessage(message);
  } catch (error) {
    fail(pending.client_id, error);
  }
}

function post(pending: Pending): Promise<Message> {
  const { chat_id, client_id, text, reply_to } = pending;
  const attachments = pending.attachments.map((attachment) => attachment.id);
  return callPatiently("POST", "/api/messages", { chat_id, client_id, text, attachments, reply_to });
}

function fail(clientId: string, error: unknown): void {
  if (leaving) return; // cut off by a reload, say: the page that comes takes it up as it is
  const known = error instanceof ApiError ? error : null;
  const reason = known === null || known.status === 0 ? t.sendFailedNetwork : known.message;
  update(clientId, { state: "failed", error: reason, passing: known?.passing ?? false });
}

function update(clientId: string, change: Partial<Pending>): void {
  outbox.value = changed(outbox.value, clientId, change);
  const now = outbox.value.find((each) => each.client_id === clientId);
  if (now && now.state !== "sent") keep(localStorage, me.value.id, now);
}
