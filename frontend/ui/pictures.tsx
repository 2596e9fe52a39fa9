// The pictures of a message: room is kept before they load, and none is ever silently missing.
// Not for: the large view (lightbox.tsx), nor choosing them (uploads.ts).
import { t } from "../i18n/en";
import { retryPicture } from "../net/acts";
import { previewOf } from "../net/uploads";
import type { Attachment, Message } from "../state/types";
import { showToast, viewed } from "../store";
import { Icon } from "./icons";
import { moves, play, playing } from "./moving";
import { useTries } from "./tries";

const WIDEST = 380;
const TALLEST = 340;
const UNKNOWN = { width: 260, height: 180 };
/** Of more pictures than these the last one shown says how many follow. */
const MOST = 4;

/** `mine`: whose uploads can be tried again from here. */
export function Pictures({ message, mine }: { message: Message; mine: boolean }) {
  const all = message.attachments.filter((each) => each.kind !== "file");
  const list = all.filter((each) => each.state !== "failed");
  const failed = all.filter((each) => each.state === "failed");
  const more = list.length > MOST ? list.length - MOST + 1 : 0;
  return (
    <>
      {list.length > 0 && (
        <div class={`pictures of${Math.min(list.length, MOST)}`}>
          {list.slice(0, MOST).map((each, index) => (
            <Picture
              key={each.id}
              picture={each}
              alone={list.length === 1}
              more={index === MOST - 1 ? more : 0}
              onOpen={() => {
                viewed.value = { message, id: each.id };
              }}
            />
          ))}
        </div>
      )}
      {failed.map((each) => (
        <Failed key={each.id} picture={each} message={mine ? message : null} />
      ))}
    </>
  );
}

interface Props {
  picture: Attachment;
  alone: boolean;
  /** How many follow that are not shown here. */
  more: number;
  onOpen: () => void;
}

function Picture({ picture, alone, more, onOpen }: Props) {
  const { tries, state, again, onError } = useTries();
  const lost = state === "lost";
  const source = sourceOf(picture);
  const size = alone ? fitted(picture) : { width: 190, height: 190 };
  return (
    <div
      class={`picture ${picture.state}`}
      style={picture.placeholder ? { backgroundImage: `url("${picture.placeholder}")` } : {}}
    >
      <button
        type="button"
        tabIndex={-1}
        aria-label={lost ? t.loadAgain(picture.name) : t.openPicture(picture.alt || picture.name, more)}
        disabled={picture.state !== "ready"}
        onClick={lost ? again : onOpen}
      >
        {source && state === "there" ? (
          <img
            key={tries}
            src={source}
            alt={picture.alt || t.pictureOf(picture.name)}
            {...size}
            // The thumb's own shape differs by a rounding, by which all below would move.
            style={alone ? { aspectRatio: `${size.width} / ${size.height}` } : {}}
            loading="lazy"
            decoding="async"
            onError={onError}
          />
        ) : (
          <svg class="room" {...size} viewBox={`0 0 ${size.width} ${size.height}`} aria-hidden="true" />
        )}
        {lost && <span class="veil">{t.pictureLost}</span>}
        {more > 0 && <span class="veil more">+{more}</span>}
        {picture.state === "processing" && (
          <span class="veil">
            <span class="spinner" /> {t.pictureProcessing}
          </span>
        )}
      </button>
      {moves(picture) && !lost && more === 0 && <Play picture={picture} />}
    </div>
  );
}

function Play({ picture }: { picture: Attachment }) {
  const on = playing(picture);
  return (
    <button
      type="button"
      class="play"
      tabIndex={-1}
      aria-label={on ? t.pause(picture.name) : t.play(picture.name)}
      onClick={() => play(picture, !on)}
    >
      <Icon name={on ? "pause" : "play"} />
    </button>
  );
}

/** Of a file too. */
export function Failed({ picture, message }: { picture: Attachment; message: Message | null }) {
  const again = () =>
    message && retryPicture(message, picture.id).catch((error: Error) => showToast(error.message));
  return (
    <div class="picture-failed">
      <Icon name={picture.kind} />
      <p>
        <bdi class="name">{picture.name}</bdi>
        <span class="dim">{whyNot(picture, message !== null)}</span>
      </p>
      {message && (
        <button type="button" class="button small" tabIndex={-1} onClick={again}>
          {t.retry}
        </button>
      )}
    </div>
  );
}

function whyNot({ kind, reason }: Attachment, mine: boolean): string {
  if (mine && reason) return reason;
  return kind === "file" ? t.fileFailed : mine ? t.pictureFailed : t.pictureNotShown;
}

/** What was uploaded from this page is shown as it is here, which costs no second transfer. */
function sourceOf(picture: Attachment): string | null {
  if (moves(picture)) return playing(picture) ? picture.thumb_url : picture.still_url;
  return previewOf(picture.id)?.url || picture.thumb_url;
}

const boxes = new Map<string, { width: number; height: number }>();

/** The size at which a picture is first shown is kept: nothing jumps when it turns out to be another. */
function fitted(picture: Attachment): { width: number; height: number } {
  const known = boxes.get(picture.id);
  if (known) return known;
  const { width, height } = picture.width ? picture : (previewOf(picture.id) ?? picture);
  const box = width && height ? within(width, height) : UNKNOWN;
  boxes.set(picture.id, box);
  return box;
}

function within(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, WIDEST / width, TALLEST / height);
  return { width: Math.max(48, Math.round(width * scale)), height: Math.max(48, Math.round(height * scale)) };
}
