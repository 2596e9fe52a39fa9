// Asks what a picture shows, for who cannot see it. Not for: captions; those are the message's text.
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import type { Attachment } from "../state/types";
import { Dialog } from "./dialog";

/** In characters, as the server counts them. */
const LONGEST = 1000;

interface Props {
  picture: Attachment;
  source: string;
  onSave: (alt: string) => Promise<unknown>;
  onClose: () => void;
}

export function Describe({ picture, source, onSave, onClose }: Props) {
  const body = useRef<HTMLDivElement>(null);
  const [alt, setAlt] = useState(picture.alt ?? "");
  const [error, setError] = useState("");
  const [saving, setSaving] = useState(false);
  // By the platform, so that the focus goes back to where it was.
  const close = () => body.current?.closest("dialog")?.close();
  const save = () => {
    setSaving(true);
    onSave(alt.trim()).then(close, (failure: Error) => {
      setSaving(false);
      setError(failure.message);
    });
  };
  return (
    <Dialog title={t.describeTitle} onClose={onClose}>
      {/* No form: the chips stand in the composer's. */}
      <div class="describe" ref={body}>
        {source && <img src={source} alt="" />}
        <label class="labelled">
          {t.describeLabel}
          <textarea
            rows={3}
            autofocus
            dir="auto"
            maxLength={LONGEST}
            value={alt}
            aria-describedby="describe-hint"
            onInput={(event) => setAlt(event.currentTarget.value)}
          />
        </label>
        <p class="dim" id="describe-hint">
          {t.describeHint}
        </p>
        {error && (
          <p class="problem" role="alert">
            {error}
          </p>
        )}
        <div class="acts">
          <button type="button" class="button" onClick={close}>
            {t.cancel}
          </button>
          <button type="button" class="button primary" disabled={saving} onClick={save}>
            {t.save}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
