// The pictures and files chosen for the next message, with progress, cancel, retry and words for who cannot see them.
// Not for: keeping them (uploads.ts).
import { useState } from "preact/hooks";
import { t } from "../i18n/en";
import { FileFace } from "./files";
import { Icon } from "./icons";
import { later } from "./later";
import { type Chosen, chosenFor, describe, drop, tryAgain } from "./uploads";

const Describe = later(async () => (await import("./describe")).Describe);

export function Chips({ chatId }: { chatId: string }) {
  const list = chosenFor(chatId).value;
  if (list.length === 0) return null;
  return (
    <ul class="chips">
      {list.map((each) => (
        <Chip key={each.key} chosen={each} chatId={chatId} />
      ))}
    </ul>
  );
}

function Chip({ chosen, chatId }: { chosen: Chosen; chatId: string }) {
  const { key, file, state, share, error, preview, attachment } = chosen;
  const [describing, setDescribing] = useState(false);
  const measured = ({ currentTarget }: { currentTarget: HTMLImageElement }) => {
    if (!preview) return;
    preview.width = currentTarget.naturalWidth;
    preview.height = currentTarget.naturalHeight;
  };
  return (
    <li class={`chip ${state} ${preview ? "" : "file"}`} title={error ?? (attachment?.alt || file.name)}>
      {preview?.url && <img src={preview.url} alt={file.name} width="72" height="72" onLoad={measured} />}
      {preview?.url === "" && <svg class="room" width="72" height="72" role="img" aria-label={file.name} />}
      {!preview && <FileFace name={file.name} type={file.type} bytes={file.size} />}
      {state === "uploading" && <progress value={share} aria-label={t.uploading(share)} />}
      {state === "failed" && (
        <button
          type="button"
          class="again"
          onClick={() => tryAgain(chatId, key)}
          aria-label={t.retryPicture(file.name)}
        >
          {t.retry}
        </button>
      )}
      {attachment && preview && (
        <button
          type="button"
          class="words"
          onClick={() => setDescribing(true)}
          aria-label={t.describePicture(file.name)}
        >
          {attachment.alt && <Icon name="tick" />}
          {t.describe}
        </button>
      )}
      <button
        type="button"
        class="remove"
        onClick={() => drop(chatId, key)}
        aria-label={t.removePicture(file.name)}
      >
        <Icon name="close" />
      </button>
      {describing && attachment && (
        <Describe
          picture={attachment}
          source={preview?.url ?? ""}
          onSave={(alt) => describe(chatId, key, alt)}
          onClose={() => setDescribing(false)}
        />
      )}
    </li>
  );
}
