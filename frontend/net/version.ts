// Notices that the server has become another version than the one this page came from. Not for: what the user sees of
// it (ui/newversion.tsx).
import { signal } from "@preact/signals";
import { t } from "../i18n/en";
import { announced } from "../store";

export const VERSION_HEADER = "X-InfiTalks-Version";
/** So many answers in a row: while servers are replaced one by one, old and new ones take turns. */
const SURE = 3;

export const outdated = signal(false);
let own = "";
let others = 0;

/** The version that the page came with. */
export const setVersion = (version: string): void => {
  own = version;
};

export const ownVersion = (): string => own;

/** An answer named this version. */
export function noteVersion(version: string | null): void {
  if (!version) return;
  others = version === own ? 0 : others + 1;
  show(others >= SURE);
}

/** Whether the newest answer was of another version: where something is missing besides, that will do. */
export function isOutdated(): boolean {
  show(others > 0);
  return outdated.value;
}

function show(is: boolean): void {
  if (is && !outdated.value) announced.value = t.newVersion;
  outdated.value = is;
}
