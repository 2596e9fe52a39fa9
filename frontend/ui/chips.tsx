// The pictures and files chosen for the next message, with progress, cancel and retry. Not for: keeping them (uploads.ts).
import { t } from "../i18n/en";
import { FileFace } from "./files";
import { Icon } from "./icons";
import { type Chosen, chosenFor, drop, tryAgain } from "./uploads";

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
  const { key, file, state, share, error } = chosen;
  return (
    <li class={`chip ${state} ${chosen.preview ? "" : "file"}`} title={error ?? file.name}>
      {chosen.preview ? (
        <img src={chosen.preview} alt={file.name} width="72" height="72" />
      ) : (
        <FileFace name={file.name} type={file.type} bytes={file.size} />
      )}
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
      <button
        type="button"
        class="remove"
        onClick={() => drop(chatId, key)}
        aria-label={t.removePicture(file.name)}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}
