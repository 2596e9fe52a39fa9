// The pictures and files chosen for a message that is not sent yet, per chat. Not for: the transfer itself (net/uploads.ts).
import { type Signal, signal } from "@preact/signals";
import { t } from "../i18n/en";
import { isPicture, refusal, upload } from "../net/uploads";
import type { Attachment } from "../state/types";
import { showToast } from "../store";

const MOST = 10;

export interface Chosen {
  key: number;
  file: File;
  /** Empty where it is no picture. */
  preview: string;
  state: "uploading" | "done" | "failed";
  /** From 0 to 1. */
  share: number;
  error: string | null;
  attachment: Attachment | null;
  cancel: () => void;
}

const lists = new Map<string, Signal<readonly Chosen[]>>();
let nextKey = 1;

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
  list.value.find((each) => each.key === key)?.cancel();
  list.value = list.value.filter((each) => each.key !== key);
}

export function tryAgain(chatId: string, key: number): void {
  const list = chosenFor(chatId);
  const chosen = list.value.find((each) => each.key === key);
  if (chosen) transfer(list, chosen);
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
  const chosen = {
    key: nextKey++,
    file,
    preview: isPicture(file) ? URL.createObjectURL(file) : "",
    ...fresh,
    cancel: () => {},
  };
  list.value = [...list.value, chosen];
  transfer(list, chosen);
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
