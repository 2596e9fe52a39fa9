// What is said of a file from its name, type and size alone. Not for: showing it (ui/files.tsx).
import type { Attachment } from "./types";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
const KEPT = 3;
const LONGEST_EXTENSION = 16;

export type FileKind = "document" | "archive" | "film" | "sound" | "picture" | "file";

const KINDS: [RegExp, FileKind][] = [
  [/^image\//, "picture"],
  [/^video\//, "film"],
  [/^audio\//, "sound"],
  [/(zip|tar|compressed|rar|7z)$/, "archive"],
  [/^text\/|\/pdf$|\/json$|word|document|sheet|presentation/, "document"],
];

/** Which sort of file a content type names, for its icon. */
export const fileKind = (type: string): FileKind =>
  KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? "file";

/** Bytes in the reader's language, counted as file managers do: a kilobyte has 1,024. */
export function sizeOf(bytes: number, locale?: string): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  const unit = UNITS[power];
  const unitDisplay = power ? "short" : "long";
  const digits = bytes / 1024 ** power < 100 ? 1 : 0;
  const format = new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay,
    maximumFractionDigits: digits,
  });
  return format.format(bytes / 1024 ** power);
}

/**
 * A name in two parts: the first may be cut, the second with the extension stays. Some letters before it stay too where
 * the script has none that are joined to the next: Latin and its neighbours.
 */
export function splitName(name: string): [string, string] {
  const letters = Array.from(new Intl.Segmenter().segment(name), (each) => each.segment);
  const dot = letters.lastIndexOf(".");
  const extension = dot > 0 && letters.length - dot <= LONGEST_EXTENSION ? letters.length - dot : 0;
  const cut = Math.max(0, letters.length - extension - (/[\u0590-\uffff]/.test(name) ? 0 : KEPT));
  return [letters.slice(0, cut).join(""), letters.slice(cut).join("")];
}

/** How many of a message's attachments are files, not pictures. */
export const filesIn = (list: readonly Attachment[]): number =>
  list.filter((each) => each.kind === "file").length;
