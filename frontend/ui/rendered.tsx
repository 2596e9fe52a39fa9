// HTML that the server made from Markdown and sanitised (integrations/markdown.py). Not for: any other HTML.
import { useLayoutEffect, useRef } from "preact/hooks";
import { me } from "../store";

export function Rendered({ html, class: more = "" }: { html: string; class?: string }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    box.current?.querySelectorAll<HTMLElement>("pre, table").forEach(reachable);
    box.current?.querySelectorAll<HTMLElement>(".mention").forEach(markOwn);
  }, [html]);
  return <div ref={box} class={`text ${more}`} dir="auto" dangerouslySetInnerHTML={{ __html: html }} />;
}

/** This user's own name, or everybody's, stands out. */
function markOwn(name: HTMLElement): void {
  const { user } = name.dataset;
  if (user === me.value.id || user === "all") name.classList.add("own");
}

/** What has to be scrolled sideways can be, with keys too. */
function reachable(wide: HTMLElement): void {
  if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
}
