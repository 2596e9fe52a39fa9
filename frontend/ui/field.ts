// Changing what stands in a text field as if it were typed, so that undoing knows it. Not for: when to (composer.tsx).

type Field = HTMLTextAreaElement;

const LINK = /^https?:\/\/[^\s<>]+$/i;
/** Around what is chosen: with Ctrl or Cmd, and Shift where the sign is a capital. */
const WRAPS: Record<string, string> = { b: "**", i: "*", C: "`" };

/** In place of what is chosen. */
export function insert(field: Field | null, text: string): void {
  field?.focus();
  // The only way that keeps the field's history; it fires `input` as typing does.
  document.execCommand("insertText", false, text);
}

export function replace(field: Field | null, start: number, end: number, text: string): void {
  field?.focus();
  field?.setSelectionRange(start, end);
  insert(field, text);
}

/** Marks what is chosen as bold, italic, code or a link, or takes that mark away. Says whether the press was for that. */
export function mark(field: Field, event: KeyboardEvent): boolean {
  if (event.altKey || event.ctrlKey === event.metaKey) return false;
  const key = event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
  const sign = WRAPS[key];
  if (sign) wrap(field, sign);
  else if (key === "K") link(field, "https://");
  else return false;
  event.preventDefault();
  return true;
}

function wrap(field: Field, sign: string): void {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const chosen = value.slice(start, end);
  const marked = value.slice(start - sign.length, start) === sign && value.startsWith(sign, end);
  if (marked) replace(field, start - sign.length, end + sign.length, chosen);
  else replace(field, start, end, `${sign}${chosen}${sign}`);
  const from = marked ? start - sign.length : start + sign.length;
  field.setSelectionRange(from, from + chosen.length);
}

/** The chosen words become a link's; where to is chosen then, to be written over. */
function link(field: Field, to: string): void {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const chosen = value.slice(start, end);
  insert(field, `[${chosen}](${to})`);
  const from = start + chosen.length + 3;
  if (chosen) field.setSelectionRange(from, from + to.length);
  else field.setSelectionRange(start + 1, start + 1);
}

/** Makes chosen words a link to the address that is pasted over them. Says whether it was one. */
export function pasteLink(field: Field, pasted: string): boolean {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const chosen = value.slice(start, end);
  const to = pasted.trim();
  if (!chosen.trim() || chosen.includes("\n") || LINK.test(chosen.trim()) || !LINK.test(to)) return false;
  insert(field, `[${chosen}](${to.replaceAll("(", "%28").replaceAll(")", "%29")})`);
  return true;
}
