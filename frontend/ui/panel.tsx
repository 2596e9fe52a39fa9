// What stands beside a chat: its frame, and how it opens and closes. Not for: what stands in it (thread.tsx, kept.tsx).
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/en";
import { showPanel } from "../route";
import { Icon } from "./icons";

let opener: Element | null = null;

/** Opens a panel beside the chat, from where the focus is. */
export function openPanel(name: string): void {
  const from = document.activeElement;
  opener = from?.closest("article") ?? from;
  showPanel(name);
}

/** Closes the panel; the focus goes back to the message or button from which it was opened. */
export function closePanel(): void {
  showPanel(null);
  const back = opener?.isConnected ? opener : document.querySelector(".log, .entries button");
  opener = null;
  (back as HTMLElement | null)?.focus();
}

interface Frame {
  title: string;
  beneath: string | undefined;
  /** A button of this panel, before the one that closes it. */
  button?: ComponentChildren;
  /** Takes the focus when it was opened here; not by an address or the history, which leave the focus where it is. */
  focus?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, beneath, button, focus, children }: Frame) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (focus && opener?.isConnected) box.current?.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if ((event.target as Element).closest("dialog, [popover], .thread-log")) return;
    closePanel();
  };
  return (
    <aside ref={box} class="panel thread" tabIndex={-1} aria-label={title} onKeyDown={onKeyDown}>
      <header class="bar">
        <div class="chat-title">
          <h2>{title}</h2>
          {beneath && (
            <p class="dim">
              <bdi>{beneath}</bdi>
            </p>
          )}
        </div>
        {button}
        <button
          type="button"
          class="tool"
          aria-label={t.closePanel}
          title={t.closePanel}
          onClick={closePanel}
        >
          <Icon name="close" />
        </button>
      </header>
      {children}
    </aside>
  );
}
