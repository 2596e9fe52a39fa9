// Which moving pictures move: none by itself where less motion is asked for. Not for: showing them (pictures.tsx).
import { signal } from "@preact/signals";
import type { Attachment } from "../state/types";

const asked = matchMedia("(prefers-reduced-motion: reduce)");
/** In the settings, for this browser. */
const forced = document.documentElement.dataset.motion === "still";
const reduced = signal(forced || asked.matches);
asked.addEventListener("change", () => {
  reduced.value = forced || asked.matches;
});

/** What was played or stopped by hand. */
const chosen = signal<ReadonlyMap<string, boolean>>(new Map());

/** Whether it has to be still until somebody plays it. */
export const calm = (): boolean => reduced.value;

export const moves = (picture: Attachment): boolean => Boolean(picture.still_url);

export function playing(picture: Attachment): boolean {
  return chosen.value.get(picture.id) ?? !reduced.value;
}

export function play(picture: Attachment, on: boolean): void {
  chosen.value = new Map(chosen.value).set(picture.id, on);
}

/** The first frame of a picture of one's own that may move, as an object URL. Rejects where it cannot be read. */
export async function firstFrame(file: Blob): Promise<string> {
  const frame = await createImageBitmap(file);
  const canvas = Object.assign(document.createElement("canvas"), {
    width: frame.width,
    height: frame.height,
  });
  canvas.getContext("2d")?.drawImage(frame, 0, 0);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(URL.createObjectURL(blob)) : reject(new Error("no frame")))),
  );
}
