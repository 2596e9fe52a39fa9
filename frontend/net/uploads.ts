// Uploads pictures and files with progress, and remembers what pictures look like until the server shows them.
// Not for: the chips in the composer (ui/uploads.ts).
import { t } from "../i18n/en";
import { sizeOf } from "../state/files";
import type { Attachment } from "../state/types";
import { ApiError, csrfToken, errorOf } from "./api";

export const LARGEST_BYTES = 10 * 1024 * 1024;
/** Of files that are no pictures, as the server says. */
export const largest = { file: LARGEST_BYTES };
export const PICTURE_TYPES = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/** `url` is an object URL, "" while there is none; the size is in pixels, 0 until it was shown once. */
export interface Preview {
  url: string;
  width: number;
  height: number;
}

const previews = new Map<string, Preview>();

/** The local picture of an attachment that was uploaded from this page. */
export const previewOf = (mediaId: string): Preview | undefined => previews.get(mediaId);

/** Whether it is one that the page can show. */
export const isPicture = (file: File): boolean => PICTURE_TYPES.includes(file.type);

/** Why a file cannot be sent, or null. */
export function refusal(file: File): string | null {
  if (file.size === 0) return t.emptyFile(file.name);
  const most = isPicture(file) ? LARGEST_BYTES : largest.file;
  return file.size > most ? t.tooLarge(file.name, sizeOf(most)) : null;
}

export interface Transfer {
  done: Promise<Attachment>;
  cancel: () => void;
}

/** Sends a file; `preview` null: no picture. `progress` gets shares from 0 to 1. `done` rejects with ApiError. */
export function upload(file: File, preview: Preview | null, progress: (share: number) => void): Transfer {
  const request = new XMLHttpRequest();
  request.open("POST", "/api/media");
  request.setRequestHeader("X-CSRF-Token", csrfToken());
  request.responseType = "json";
  request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
  const done = new Promise<Attachment>((resolve, reject) => {
    request.onload = () => {
      if (request.status === 201) resolve(remember(request.response as Attachment, preview));
      else reject(errorOf(request.status, request.response, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new ApiError(0, "network", t.uploadFailed));
    request.onabort = () => reject(new ApiError(0, "cancelled", t.cancelled));
  });
  const form = new FormData();
  form.append("file", file, file.name);
  request.send(form);
  return { done, cancel: () => request.abort() };
}

function remember(attachment: Attachment, preview: Preview | null): Attachment {
  if (preview) previews.set(attachment.id, preview);
  return attachment;
}
