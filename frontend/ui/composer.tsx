// Where messages and commands are written: text, pictures, files, replies and edits. Not for: sending (net/sender.ts), nor
// which commands there are (suggestions.tsx).
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { editMessage } from "../net/acts";
import { forgetRefusal, refuse, runCommand, runOf, taken } from "../net/commands";
import { emojified, emojis } from "../net/emoji";
import { isTyping, stoppedTyping } from "../net/reading";
import { sendMessage } from "../net/sender";
import { PICTURE_TYPES } from "../net/uploads";
import { isCommand, literally } from "../state/commands";
import { namedAt } from "../state/completion";
import { sends } from "../state/keys";
import { plain } from "../state/plain";
import type { Chat } from "../state/types";
import { composing, draftOf, logOf, me, setDraft, showToast } from "../store";
import { Chips } from "./chips";
import { DropZone } from "./dropzone";
import { EmojiButton } from "./emojibutton";
import { insert, mark, pasteLink, replace } from "./field";
import { Calling, LONGEST, Room, Running } from "./fieldnotes";
import { attachedTo, nameOf } from "./format";
import { Icon } from "./icons";
import { comboOf, Suggestions, Usage, useOffer, walkOffer } from "./suggestions";
import { choose, chosenFor, takeChosen } from "./uploads";

// Anything; pictures are named, so that phones turn their own formats into one of these.
const ACCEPTED = [...PICTURE_TYPES, "*/*"].join(",");
const touch = matchMedia("(pointer: coarse)");

interface Props {
  chat: Chat;
  /** Where the composer stands in a thread's panel: what is written is kept apart from the chat's. */
  thread?: string | null;
  /** The message that is answered where none is chosen. */
  answers?: string | null | undefined;
}

export function Composer({ chat, thread = null, answers = thread }: Props) {
  const place = thread ? `t-${thread}` : chat.id;
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => draftOf(place));
  const [armed, setArmed] = useState(false);
  const about = (composing.value?.thread ?? null) === thread ? composing.value : null;
  const label = thread ? t.messageThread : t.message(chat.name);
  const run = runOf(place).value;
  const running = run !== null && run.refused === null;
  const chosen = chosenFor(place).value;
  const waiting = chosen.some((each) => each.state === "uploading");
  const sendable =
    text.length <= LONGEST && (text.trim() !== "" || chosen.some((each) => each.state === "done"));

  const write = (next: string) => {
    setText(next);
    forgetRefusal(place);
    if (about?.kind !== "edit") setDraft(place, next);
  };
  const offer = useOffer(chat.id, running ? null : text, area, about?.kind !== "edit");
  const stop = () => {
    composing.value = null;
    if (about?.kind === "edit") setText(draftOf(place));
    area.current?.focus();
  };
  const submit = () => {
    if (running) return;
    if (about?.kind !== "edit" && isCommand(text))
      return order(place, chat.id, text.trim(), chosen.length > 0);
    if (waiting) return setArmed(true);
    setArmed(false);
    if (!sendable) return;
    if (about?.kind === "edit") save(about, text);
    else send(place, chat.id, text, about?.message.id ?? answers);
    if (about) composing.value = null;
    stoppedTyping();
    setText(about?.kind === "edit" ? draftOf(place) : "");
    area.current?.focus();
  };
  const asFile = () => {
    choose(place, [new File([text], t.textFile, { type: "text/plain" })]);
    write("");
    area.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (walkOffer(offer, event, text) || mark(event.currentTarget as HTMLTextAreaElement, event)) return;
    if (sends(event, touch.matches, me.value.preferences.enter_sends)) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && about) {
      event.preventDefault();
      stop();
    } else if (event.key === "ArrowUp" && text === "" && !about) editLast(chat.id, thread, event);
  };

  useAbout(about, area, setText);
  useEffect(() => {
    if (taken.value?.chatId === place && composing.value?.kind !== "edit") setText(draftOf(place));
  }, [taken.value]);
  useGrowth(area, text);
  useEffect(() => {
    if (!touch.matches) area.current?.focus();
    return () => {
      if ((composing.peek()?.thread ?? null) === thread) composing.value = null;
    };
  }, [place]);
  useEffect(() => {
    if (armed && !waiting) submit();
  }, [armed, waiting]);

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <DropZone onFiles={(files) => choose(place, files)} />
      {about && <About about={about} onStop={stop} />}
      <Chips chatId={place} />
      <Suggestions offer={offer} />
      {!run && about?.kind !== "edit" && <Usage chatId={chat.id} text={text} />}
      {run && <Running run={run} />}
      <div class="write">
        <Attach onFiles={(files) => choose(place, files)} />
        <textarea
          ref={area}
          id={thread ? "thread-composer" : "composer"}
          rows={1}
          dir="auto"
          aria-label={label}
          placeholder={label}
          value={text}
          readOnly={running}
          aria-invalid={Boolean(run?.refused)}
          {...comboOf(offer)}
          onBlur={offer.close}
          onInput={(event) => {
            write(event.currentTarget.value);
            nameEmoji(event.currentTarget);
            if (/^\s*[^\s/]/.test(event.currentTarget.value)) isTyping(chat.id);
          }}
          onKeyDown={onKey}
          onPaste={(event) => pasted(event, place)}
        />
        <EmojiButton onPick={(emoji) => insert(area.current, emoji)} />
        <button
          type="submit"
          class="send"
          aria-label={about?.kind === "edit" ? t.save : t.send}
          disabled={!sendable && !waiting}
        >
          {armed || running ? (
            <span class="spinner" />
          ) : (
            <Icon name={about?.kind === "edit" ? "tick" : "send"} />
          )}
        </button>
      </div>
      <Calling chat={chat} text={text} />
      <Room length={text.length} onFile={about?.kind === "edit" ? null : asFile} />
    </form>
  );
}

function About({ about, onStop }: { about: NonNullable<typeof composing.value>; onStop: () => void }) {
  const title = about.kind === "edit" ? t.editing : t.replyTo(nameOf(about.message.author));
  return (
    <div class="about">
      <Icon name={about.kind === "edit" ? "edit" : "reply"} />
      <p>
        <bdi class="name">{title}</bdi>
        <bdi class="preview">{plain(about.message.text) || attachedTo(about.message)}</bdi>
      </p>
      <button type="button" class="tool" aria-label={t.cancel} onClick={onStop}>
        <Icon name="close" />
      </button>
    </div>
  );
}

function Attach({ onFiles }: { onFiles: (files: File[]) => void }) {
  return (
    <label class="tool attach" title={t.attach}>
      <Icon name="attach" />
      <span class="hidden">{t.attach}</span>
      <input
        type="file"
        multiple
        accept={ACCEPTED}
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

function order(place: string, chatId: string, text: string, withPictures: boolean): void {
  if (withPictures) refuse(place, text, t.commandPictures);
  else if (composing.value || place !== chatId) refuse(place, text, t.commandReply);
  else void runCommand(chatId, text);
}

function send(place: string, chatId: string, text: string, replyTo: string | null): void {
  sendMessage(chatId, emojified(literally(text).trim()), takeChosen(place), replyTo);
  setDraft(place, "");
}

function save({ message, thread = null }: NonNullable<typeof composing.value>, text: string): void {
  const said = emojified(text.trim());
  if (said === message.text) return;
  editMessage(message, said).catch((error: Error) => {
    // The new text must not be lost with the refusal.
    composing.value = { kind: "edit", message: { ...message, text }, thread };
    showToast(error.message);
  });
}

function editLast(chatId: string, thread: string | null, event: KeyboardEvent): void {
  const rows = logOf(chatId).value?.rows ?? [];
  const mine = rows.findLast(
    ({ message }) =>
      message?.author.id === me.value.id &&
      message.text &&
      !message.deleted &&
      (!thread || message.thread === thread),
  );
  if (!mine?.message) return;
  event.preventDefault();
  composing.value = { kind: "edit", message: mine.message, thread };
}

function pasted(event: ClipboardEvent, place: string): void {
  const files = [...(event.clipboardData?.files ?? [])];
  const field = event.currentTarget as HTMLTextAreaElement;
  if (files.length > 0) choose(place, files);
  else if (!pasteLink(field, event.clipboardData?.getData("text/plain") ?? "")) return;
  event.preventDefault();
}

/** The emoji takes the place of its name as soon as that is whole. */
function nameEmoji(field: HTMLTextAreaElement): void {
  const name = namedAt(field.value, field.selectionEnd);
  const found = name && emojis.value?.named(name.typed);
  if (found) replace(field, name.start, name.end, emojis.value?.used(found) ?? "");
}

type Area = { current: HTMLTextAreaElement | null };

function useAbout(about: typeof composing.value, area: Area, setText: (text: string) => void): void {
  // Before the next key: what is typed then belongs to this text.
  useLayoutEffect(() => {
    if (!about) return;
    if (about.kind === "edit") setText(about.message.text);
    area.current?.focus();
  }, [about]);
}

/** For browsers without `field-sizing`: the field is as high as its text. */
function useGrowth(area: Area, text: string): void {
  useLayoutEffect(() => {
    const field = area.current;
    if (!field || CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }, [text]);
}
