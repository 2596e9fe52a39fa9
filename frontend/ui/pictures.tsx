// The pictures of a message: room is kept before they load, and none is ever silently missing.
// Not for: the large view (lightbox.tsx), nor choosing them (uploads.tsx).
import { t } from "../i18n/en";
import { retryPicture } from "../net/acts";
import { previewOf } from "../net/uploads";
import type { Attachment, Message } from "../state/types";
import { showToast, viewed } from "../store";
import { Icon } from "./icons";

const WIDEST = 380;
const TALLEST = 340;
const UNKNOWN = { width: 260, height: 180 };

/** `message`: the own message whose failed pictures can be tried again; null otherwise. */
export function Pictures({ list, message }: { list: Attachment[]; message: Message | null }) {
  if (list.length === 0) return null;
  return (
    <div class={`pictures ${list.length > 1 ? "many" : ""}`}>
      {list.map((each) =>
        each.state === "failed" ? (
          <Failed key={each.id} picture={each} message={message} />
        ) : (
          <Picture key={each.id} picture={each} list={list} />
        ),
      )}
    </div>
  );
}

function Picture({ picture, list }: { picture: Attachment; list: Attachment[] }) {
  const source = previewOf(picture.id) ?? picture.thumb_url;
  const { width, height } = fitted(picture);
  const open = () => {
    viewed.value = { list, index: list.indexOf(picture) };
  };
  return (
    <button
      type="button"
      class={`picture ${picture.state}`}
      tabIndex={-1}
      aria-label={t.openPicture(picture.name)}
      disabled={picture.state !== "ready"}
      onClick={open}
      style={picture.placeholder ? { backgroundImage: `url("${picture.placeholder}")` } : {}}
    >
      {source ? (
        <img src={source} alt={t.pictureOf(picture.name)} width={width} height={height} decoding="async" />
      ) : (
        <svg class="room" width={width} height={height} aria-hidden="true" />
      )}
      {picture.state === "processing" && (
        <span class="processing">
          <span class="spinner" /> {t.pictureProcessing}
        </span>
      )}
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
        <span class="dim">
          {picture.reason || (picture.kind === "file" ? t.fileFailed : t.pictureFailed)}
        </span>
      </p>
      {message && (
        <button type="button" class="button small" tabIndex={-1} onClick={again}>
          {t.retry}
        </button>
      )}
    </div>
  );
}

function fitted({ width, height }: Attachment): { width: number; height: number } {
  if (!width || !height) return UNKNOWN;
  const scale = Math.min(1, WIDEST / width, TALLEST / height);
  return { width: Math.max(48, Math.round(width * scale)), height: Math.max(48, Math.round(height * scale)) };
}
