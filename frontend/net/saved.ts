// What this user saved for later: marked at once, and taken as the server says. Not for: pins (acts.ts, pins.ts).
import { signal } from "@preact/signals";
import { t } from "../i18n/en";
import { same, toggled } from "../state/saved";
import type { Message } from "../state/types";
import { call } from "./api";
import { gather } from "./gather";

export interface Saved {
  saved: { saved_at: string; message: Message }[];
  next: string | null;
}

/** The ids of all that is saved. */
export const savedIds = signal<ReadonlySet<string>>(new Set());

export const isSaved = (id: string): boolean => savedIds.value.has(id);

let asked = 0;

/** Asks which messages are saved; of two answers that crossed, the one asked for later counts. */
export async function readSaved(): Promise<void> {
  const ask = ++asked;
  const answer = await call<{ ids: string[] }>("GET", "/api/saved/ids").catch(() => null);
  if (!answer || ask !== asked) return;
  const ids = new Set(answer.ids);
  if (!same(savedIds.value, ids)) savedIds.value = ids;
}

/** Asks in a moment: a page that starts is live soon after, and that is reason enough to ask, too. */
export const askSaved = gather(readSaved);

/** Saves a message, or takes it out; gives what to say then. Throws ApiError. */
export async function toggleSaved(id: string): Promise<string> {
  const on = !isSaved(id);
  // An answer on its way knows nothing of it.
  asked++;
  savedIds.value = toggled(savedIds.value, id, on);
  try {
    await call(on ? "PUT" : "DELETE", `/api/messages/${id}/saved`);
  } catch (error) {
    savedIds.value = toggled(savedIds.value, id, !on);
    throw error;
  } finally {
    void readSaved();
  }
  return on ? t.savedNow : t.unsavedNow;
}

export const listSaved = (cursor: string | null, limit = 20): Promise<Saved> =>
  call("GET", `/api/saved?limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
