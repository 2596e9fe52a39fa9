// One picture, large: arrows and swipes walk through those of its message, keys, wheel and fingers enlarge it.
// Not for: the pictures in the log (pictures.tsx), nor the reckoning of a zoom (zoom.ts).
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { describePicture } from "../net/acts";
import type { Attachment, Message } from "../state/types";
import { logOf, me, viewed } from "../store";
import { Describe } from "./describe";
import { Icon, type IconName } from "./icons";
import { moves, play, playing } from "./moving";
import { Stage, type Zoom } from "./stage";

export function Lightbox() {
  const now = viewed.value;
  const message = now && current(now.message);
  const list = message?.attachments.filter((each) => each.state === "ready" && each.thumb_url) ?? [];
  const index = list.findIndex((each) => each.id === now?.id);
  const picture = list[index];
  useEffect(() => {
    // Deleted while somebody looked at it.
    if (now && !picture) viewed.value = null;
  }, [now, picture]);
  if (!message || !picture) return null;
  return <Shown message={message} list={list} index={index} picture={picture} />;
}

/** As it is in the log by now. */
function current(message: Message): Message {
  const rows = logOf(message.chat_id).value?.rows;
  const row = rows?.find(
    (each) => each.message?.id === message.id || each.message?.client_id === message.client_id,
  );
  const found = row?.message ?? message;
  return found.deleted ? { ...found, attachments: [] } : found;
}

interface Props {
  message: Message;
  list: Attachment[];
  index: number;
  picture: Attachment;
}

function Shown({ message, list, index, picture }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const zoom = useRef<Zoom>(null);
  const [describing, setDescribing] = useState(false);
  const close = () => ref.current?.close();
  const step = (by: number) => {
    const next = list[(index + by + list.length) % list.length];
    if (next) viewed.value = { message, id: next.id };
  };
  useEffect(() => ref.current?.showModal(), []);
  useBack(close);
  const onKey = (event: KeyboardEvent) => {
    if (describing || event.ctrlKey || event.metaKey || event.altKey) return;
    // While a part of it is seen the arrows move that.
    if (zoom.current?.key(event.key)) event.preventDefault();
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
  };
  const tool = (icon: IconName, words: string, act: () => void, more = {}) => (
    <button type="button" class="tool" aria-label={words} title={words} onClick={act} {...more}>
      <Icon name={icon} />
    </button>
  );
  const still = moves(picture) && !playing(picture);
  return (
    <dialog
      ref={ref}
      class="lightbox"
      aria-label={picture.alt || t.pictureOf(picture.name)}
      onClose={() => {
        viewed.value = null;
      }}
      onKeyDown={onKey}
    >
      <header>
        <bdi>{picture.name}</bdi>
        {moves(picture) &&
          tool(still ? "play" : "pause", still ? t.play(picture.name) : t.pause(picture.name), () =>
            play(picture, still),
          )}
        {tool("minus", t.smaller, () => zoom.current?.key("-"))}
        {tool("plus", t.larger, () => zoom.current?.key("+"))}
        {message.author.id === me.value.id && tool("edit", t.describe, () => setDescribing(true))}
        <a
          class="tool"
          href={picture.url ?? "#"}
          download={fileName(picture)}
          aria-label={t.download}
          title={t.download}
        >
          <Icon name="download" />
        </a>
        {tool("close", t.close, close, { autofocus: true })}
      </header>
      <Stage key={picture.id} zoom={zoom} picture={picture} still={still} onStep={step} onClose={close} />
      <footer>
        {picture.alt && <bdi class="caption">{picture.alt}</bdi>}
        {list.length > 1 && (
          <p>
            {tool("left", t.previous, () => step(-1))}
            <span>
              {index + 1} / {list.length}
            </span>
            {tool("right", t.next, () => step(1))}
          </p>
        )}
      </footer>
      {describing && (
        <Describe
          picture={picture}
          source={picture.thumb_url ?? ""}
          onSave={(alt) => describePicture(message, picture.id, alt)}
          onClose={() => setDescribing(false)}
        />
      )}
    </dialog>
  );
}

/** A step of the history while it is open, so that Back closes it, as people on phones expect. */
function useBack(close: () => void): void {
  useEffect(() => {
    history.pushState({ lightbox: true }, "");
    addEventListener("popstate", close);
    return () => {
      removeEventListener("popstate", close);
      if (history.state?.lightbox) history.back();
    };
  }, []);
}

const ENDINGS: Record<string, string> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/gif": "gif",
};

/** By what it is now: the server may have made another kind of it. */
function fileName({ name, content_type }: Attachment): string {
  const ending = ENDINGS[content_type];
  return ending ? `${name.replace(/\.\w{1,5}$/, "")}.${ending}` : name;
}
