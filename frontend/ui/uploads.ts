// The pictures and files chosen for a message that is not sent yet, per chat. Not for: the transfer itself (net/uploads.ts).
import { type Signal, signal } from "@preact/signals";
import { t } from "../i18n/en";
import { call } from "../net/api";
import { isPicture, type Preview, refusal, upload } from "../net/uploads";
import type { Attachment } from "../state/types";
import { showToast } from "../store";
import { calm, firstFrame } from "./moving";

const MOST = 10;
const MAY_MOVE = ["image/gif", "image/webp"];

export interface Chosen {
  key: number;
  file: File;
  /** Null where it is no picture. */
  preview: Preview | null;
  state: "uploading" | "done" | "failed";
  /** From 0 to 1. */
  share: number;
  error: string | null;
  attachment: Attachment | null;
  cancel: () => void;
}

const lists = new Map<string, Signal<readonly Chosen[]>>();
let nextKey = 1;

addEventListener("beforeunload", (event) => {
  const all = [...lists.values()].flatMap((list) => list.value);
  if (all.some((each) => each.state === "uploading")) event.preventDefault();
});

export function chosenFor(chatId: string): Signal<readonly Chosen[]> {
  const known = lists.get(chatId);
  if (known) return known;
  const made = signal<readonly Chosen[]>([]);
  lists.set(chatId, made);
  return made;
}

/** Takes files for a chat's next message and starts their upload. */
export function choose(chatId: string, files: Iterable<File>): void {
  const list = chosenFor(chatId);
  for (const file of files) {
    const problem = list.value.length >= MOST ? t.tooMany(MOST) : refusal(file);
    if (problem) showToast(problem);
    else start(list, file);
  }
}

export function drop(chatId: string, key: number): void {
  const list = chosenFor(chatId);
  const chosen = list.value.find((each) => each.key === key);
  chosen?.cancel();
  if (chosen?.preview) URL.revokeObjectURL(chosen.preview.url);
  list.value = list.value.filter((each) => each.key !== key);
}

export function tryAgain(chatId: string, key: number): void {
  const list = chosenFor(chatId);
  const chosen = list.value.find((each) => each.key === key);
  if (chosen) transfer(list, chosen);
}

/** Says what an uploaded picture shows. Throws ApiError. */
export async function describe(chatId: string, key: number, alt: string): Promise<void> {
  const list = chosenFor(chatId);
  const media = list.value.find((each) => each.key === key)?.attachment;
  if (!media) return;
  const attachment = await call<Attachment>("PATCH", `/api/media/${media.id}`, { alt });
  list.value = list.value.map((each) => (each.key === key ? { ...each, attachment } : each));
}

/** Hands over what is uploaded; the list is empty afterwards. */
export function takeChosen(chatId: string): Attachment[] {
  const list = chosenFor(chatId);
  const taken = list.value.flatMap((each) => each.attachment ?? []);
  list.value = [];
  return taken;
}

function start(list: Signal<readonly Chosen[]>, file: File): void {
  const fresh = { state: "uploading", share: 0, error: null, attachment: null } as const;
  const preview = isPicture(file) ? { url: "", width: 0, height: 0 } : null;
  const chosen = { key: nextKey++, file, preview, ...fresh, cancel: () => {} };
  list.value = [...list.value, chosen];
  transfer(list, chosen);
  if (preview) void look(list, file, preview);
}

/** What it looks like; nothing that moves, where that is not wanted. */
async function look(list: Signal<readonly Chosen[]>, file: File, preview: Preview): Promise<void> {
  const still = calm() && MAY_MOVE.includes(file.type);
  preview.url = still ? await firstFrame(file).catch(() => "") : URL.createObjectURL(file);
  // A new object: a chip whose own has not changed is not drawn again.
  list.value = list.value.map((each) => (each.preview === preview ? { ...each } : each));
}

function transfer(list: Signal<readonly Chosen[]>, { key, file, preview }: Chosen): void {
  const change = (part: Partial<Chosen>) => {
    list.value = list.value.map((each) => (each.key === key ? { ...each, ...part } : each));
  };
  const { done, cancel } = upload(file, preview, (share) => change({ share }));
  change({ state: "uploading", share: 0, error: null, cancel });
  done.then(
    (attachment) => change({ state: "done", attachment }),
    (error: Error) => change({ state: "failed", error: error.message }),
  );
}
