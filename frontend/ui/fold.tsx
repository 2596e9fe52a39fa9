// A long message, folded after some lines until one asks for the rest. Not for: short ones, which are never measured.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";

/** What has fewer characters and lines than these is surely not too high. */
const SHORT = 900;
const LINES = 18;

export const mayBeLong = (text: string): boolean => text.length > SHORT || text.split("\n").length > LINES;

export function Fold({ children }: { children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<"unknown" | "short" | "folded" | "open">("unknown");
  useLayoutEffect(() => {
    const { scrollHeight = 0, clientHeight = 0 } = box.current ?? {};
    // A button that brings one more line is not worth its place.
    setState(scrollHeight > clientHeight * 1.15 ? "folded" : "short");
  }, []);
  const folded = state === "unknown" || state === "folded";
  return (
    <>
      <div ref={box} class={folded ? `fold-box ${state}` : undefined}>
        {children}
      </div>
      {(state === "folded" || state === "open") && (
        <button
          type="button"
          class="fold-more"
          tabIndex={-1}
          aria-expanded={!folded}
          onClick={() => setState(folded ? "open" : "folded")}
        >
          {folded ? t.showMore : t.showLess}
        </button>
      )}
    </>
  );
}
