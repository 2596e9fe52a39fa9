// A modal dialog of the platform: focus goes in, Esc closes, focus returns. Not for: what is in it.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n/en";
import { Icon } from "./icons";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** False where the dialog has to be answered. */
  closable?: boolean;
  look?: "wide" | "switcher";
}

export function Dialog({ title, onClose, children, closable = true, look }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const opener = document.activeElement;
    ref.current?.showModal();
    return () => {
      // Taken away while it is open, it gives the focus back to nobody.
      if (document.activeElement === document.body) (opener as HTMLElement | null)?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={look ? `dialog ${look}` : "dialog"}
      aria-labelledby={titleId}
      onCancel={(event) => closable || event.preventDefault()}
      onClose={onClose}
      closedby={closable ? "any" : "none"}
    >
      <div class="dialog-body">
        <header>
          <h2 id={titleId}>{title}</h2>
          {closable && (
            <button type="button" class="tool" aria-label={t.close} onClick={() => ref.current?.close()}>
              <Icon name="close" />
            </button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  act: string;
  /** The other way out, where it is called otherwise. */
  back?: string;
  look?: "danger" | "primary";
  onAct: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be undone. */
export function Confirm(props: ConfirmProps) {
  const { title, text, act, back = t.cancel, look = "danger", onAct, onClose } = props;
  const go = () => {
    onClose();
    onAct();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p class="dim">{text}</p>
      <div class="acts">
        <button type="button" class="button" autofocus onClick={onClose}>
          {back}
        </button>
        <button type="button" class={`button ${look}`} onClick={go}>
          {act}
        </button>
      </div>
    </Dialog>
  );
}
