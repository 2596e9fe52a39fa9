// Files that are no pictures: a row each, which is only ever saved. Not for: pictures (pictures.tsx), nor uploading.
import { t } from "../i18n/en";
import { fileKind, sizeOf, splitName } from "../state/files";
import type { Attachment, Message } from "../state/types";
import { Icon } from "./icons";
import { Failed } from "./pictures";

/** `message`: the own message whose failed files can be tried again; null otherwise. */
export function Files({ list, message }: { list: Attachment[]; message: Message | null }) {
  if (list.length === 0) return null;
  return (
    <div class="files">
      {list.map((each) =>
        each.state === "failed" ? (
          <Failed key={each.id} picture={each} message={message} />
        ) : (
          <Row key={each.id} file={each} />
        ),
      )}
    </div>
  );
}

function Row({ file }: { file: Attachment }) {
  const { name, content_type, bytes, url } = file;
  const face = <FileFace name={name} type={content_type} bytes={bytes} waiting={!url} />;
  if (!url) {
    return (
      <div class="file" title={name} role="status" aria-label={t.fileProcessing(name)}>
        {face}
      </div>
    );
  }
  return (
    <a
      class="file"
      href={url}
      download={name}
      title={name}
      tabIndex={-1}
      aria-label={t.downloadFile(name, sizeOf(bytes))}
    >
      {face}
    </a>
  );
}

type Face = { name: string; type: string; bytes: number; waiting?: boolean };

/** Icon, name and size, the same in a message and in the composer. */
export function FileFace({ name, type, bytes, waiting = false }: Face) {
  const [start, end] = splitName(name);
  return (
    <>
      {waiting ? <span class="spinner" /> : <Icon name={fileKind(type)} />}
      <span class="file-name" dir="auto">
        <span>{start}</span>
        <span>{end}</span>
      </span>
      <span class="dim">{sizeOf(bytes)}</span>
    </>
  );
}
