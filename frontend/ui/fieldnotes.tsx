// What is said beside the composer's field about what stands in it. Not for: the field itself (composer.tsx).
import { t } from "../i18n/en";
import type { Run } from "../net/commands";
import { nameIn } from "../state/commands";
import { callsAll } from "../state/completion";
import type { Chat } from "../state/types";
import { Icon } from "./icons";

/** In characters, as the server has it (schemas/messages.py). */
export const LONGEST = 16_000;
/** Calling more than these is worth a word. */
const FEW = 10;

/** What becomes of a command: nobody else sees it, so it is told where it was written. */
export function Running({ run: { text, refused } }: { run: Run }) {
  if (refused === null) {
    return (
      <p class="run" role="status">
        {t.running(nameIn(text))}
      </p>
    );
  }
  return (
    <p class="run refused" role="alert">
      <Icon name="warning" />
      <bdi>{refused}</bdi>
    </p>
  );
}

/** Before it is sent, how many it would call. */
export function Calling({ chat, text }: { chat: Chat; text: string }) {
  const many = chat.member_count > FEW && callsAll(text);
  return (
    <p class="calling" role="status">
      {many && (
        <>
          <Icon name="warning" />
          {t.callsAll(chat.member_count)}
        </>
      )}
    </p>
  );
}

interface RoomProps {
  length: number;
  /** Null where it cannot become a file: an edit. */
  onFile: (() => void) | null;
}

/** Shown from nine tenths of the limit on. */
export function Room({ length, onFile }: RoomProps) {
  const over = length - LONGEST;
  if (length < LONGEST * 0.9) return null;
  return (
    <p class={`room-left ${over > 0 ? "over" : ""}`}>
      {over > 0 ? t.tooLong(over) : t.left(-over)}
      {over > 0 && onFile && (
        <button type="button" class="button small" onClick={onFile}>
          {t.asFile}
        </button>
      )}
    </p>
  );
}
