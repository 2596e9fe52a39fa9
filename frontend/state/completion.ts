// What is being typed at the caret that may become a name: a person's, a chat's, an emoji's. Pure.
// Not for: commands (commands.ts), nor what there is to choose from (ui/choices.ts).

/** `start` to `end` is what a choice replaces; `typed` what stands behind the sign. */
export interface Typed {
  kind: "person" | "chat" | "emoji";
  typed: string;
  start: number;
  end: number;
}

// An @ in an address, a # in a link and a : in a time begin nothing.
const BEGUN = /(?<![\w@/.+-])@([\w.-]*)$|(?<![\w#/&])#([^\s#]{0,40})$|(?<![\w:]):([+\w-]{2,})$/;
const KINDS = ["person", "chat", "emoji"] as const;
const NAMED = /(?<!\w):([+\w-]+):$/;

/** What is being typed before `caret`, or null; code is left alone. */
export function typedAt(text: string, caret: number): Typed | null {
  const before = text.slice(0, caret);
  const match = BEGUN.exec(before);
  if (!match || inCode(before)) return null;
  const index = match.slice(1).findIndex((each) => each !== undefined);
  const typed = match[index + 1] ?? "";
  return { kind: KINDS[index] ?? "person", typed, start: match.index, end: caret };
}

/** The emoji's name that the colon before `caret` ends, or null. */
export function namedAt(text: string, caret: number): Omit<Typed, "kind"> | null {
  const before = text.slice(0, caret);
  const match = NAMED.exec(before);
  if (!match?.[1] || inCode(before)) return null;
  return { typed: match[1].toLowerCase(), start: match.index, end: caret };
}

/** Whether a text ends within a fence or a code span that it began. */
function inCode(before: string): boolean {
  const outside = before.split("```");
  const line = (outside.at(-1) ?? "").split("\n").at(-1) ?? "";
  return outside.length % 2 === 0 || line.split("`").length % 2 === 0;
}

/** Whether a text calls everybody in its chat, outside code, as the server reads it (integrations/markdown.py). */
export function callsAll(text: string): boolean {
  const said = text.replace(/```[\s\S]*?(?:```|$)|`[^`\n]*`/g, "");
  return /(?<![\w@/.+-])@(all|here|channel|everyone)(?![\w@]|[._-]+\w)/i.test(said);
}
