// What a selection over several messages is when it is copied: a line for each, with who and when. Within one message
// the browser's own way stands.
import type { ChatLog } from "../state/log";
import { attachedTo, nameOf, timeOf } from "./format";

/** Handles a copy anywhere in the log. */
export function copyMessages(event: ClipboardEvent, log: ChatLog | null): void {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || !log) return;
  const all = (event.currentTarget as Element).querySelectorAll<HTMLElement>("article[data-seq]");
  const rows = [...all].filter((row) => selection.containsNode(row, true));
  if (rows.length < 2) return;
  event.clipboardData?.setData("text/plain", rows.flatMap((row) => lineOf(row, log, selection)).join("\n"));
  event.preventDefault();
}

function lineOf(row: HTMLElement, log: ChatLog, selection: Selection): string[] {
  const message = log.rows.find(({ seq }) => seq === Number(row.dataset.seq))?.message;
  if (!message) return [];
  const said = partOf(row.querySelector(".text"), selection) ?? attachedTo(message);
  // Begun or ended beside the words, a selection has none of them.
  return said ? [`${nameOf(message.author)}, ${timeOf(message.created_at)}: ${said}`] : [];
}

/** The selected part of a text as one reads it; null: there is no text. */
function partOf(text: HTMLElement | null, selection: Selection): string | null {
  if (!text) return null;
  if (selection.containsNode(text)) return text.innerText.trim();
  const part = selection.getRangeAt(0).cloneRange();
  if (!part.startContainer.contains(text) && !text.contains(part.startContainer)) part.setStart(text, 0);
  if (!text.contains(part.endContainer)) part.setEnd(text, text.childNodes.length);
  if (!text.contains(part.startContainer)) part.setStart(text, 0);
  return part.toString().trim();
}
