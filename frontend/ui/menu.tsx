// A button that opens a small popover beside itself. Not for: what is in it.
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

const EDGE = 8;

interface Props {
  label: string;
  icon: IconName;
  kind: "menu" | "quick" | "emoji";
  /** In the log, where messages are one Tab stop; see ui/log. */
  inLog?: boolean;
  children: (close: () => void) => ComponentChildren;
}

export function PopoverButton({ label, icon, kind, inLog = false, children }: Props) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const onToggle = (event: { newState: string }) => {
    setOpen(event.newState === "open");
    if (event.newState === "open" && box.current && button.current) place(box.current, button.current);
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="tool"
        aria-label={label}
        title={label}
        aria-expanded={open}
        popovertarget={id}
        tabIndex={inLog ? -1 : 0}
      >
        <Icon name={icon} />
      </button>
      <div
        ref={box}
        id={id}
        popover="auto"
        role="group"
        class={`popover ${kind}`}
        onToggle={onToggle}
        onKeyDown={walk}
      >
        {open && children(() => box.current?.hidePopover())}
      </div>
    </>
  );
}

// After the content is there, as its size decides whether it opens up or down.
function place(box: HTMLElement, button: HTMLElement): void {
  requestAnimationFrame(() => {
    const at = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = box;
    const below = at.bottom + 4 + height < innerHeight - EDGE;
    const left = Math.min(Math.max(EDGE, at.left + at.width / 2 - width / 2), innerWidth - width - EDGE);
    box.style.left = `${left}px`;
    box.style.top = `${below ? at.bottom + 4 : Math.max(EDGE, at.top - height - 4)}px`;
    box.classList.add("placed");
    box.querySelector<HTMLElement>("input, button, a")?.focus();
  });
}

function walk(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button, a")];
  const now = all.indexOf(document.activeElement as HTMLElement);
  all[(now + step + all.length) % all.length]?.focus();
}
