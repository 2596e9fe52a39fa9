// The service worker of this browser (infitalks/static/sw.js): registered where somebody wants an app. Not for: what
// notifies (alerts.ts).
import { go, readPath } from "../route";
import { jump } from "../store";
import { ownVersion } from "./version";

/** Registers the one of this version; the version in its address makes browsers take another. */
export function register(): void {
  navigator.serviceWorker
    ?.register(`/sw.js?v=${encodeURIComponent(ownVersion())}`, { scope: "/" })
    .catch(() => {});
  navigator.serviceWorker?.addEventListener("message", ({ data }) =>
    openPath((data as { open: string }).open),
  );
}

/** Where a pressed notification leads. */
export function openPath(path: string): void {
  const { chatId, seq } = readPath(path);
  if (!chatId) return;
  go(chatId);
  if (seq !== null) jump.value = { chatId, seq };
}
