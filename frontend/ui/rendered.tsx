// HTML that the server made from Markdown and sanitised (integrations/markdown.py). Not for: any other HTML.
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n/en";
import { me, showToast } from "../store";

export function Rendered({ html, class: more = "" }: { html: string; class?: string }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    box.current?.querySelectorAll<HTMLElement>("pre, table").forEach(reachable);
    box.current?.querySelectorAll<HTMLElement>(".mention").forEach(markOwn);
    box.current?.querySelectorAll("pre").forEach(copyable);
    box.current?.querySelectorAll("a").forEach(outwards);
  }, [html]);
  return <div ref={box} class={`text ${more}`} dir="auto" dangerouslySetInnerHTML={{ __html: html }} />;
}

/** This user's own name, or everybody's, stands out. */
function markOwn(name: HTMLElement): void {
  const { user } = name.dataset;
  if (user === me.value.id || user === "all") name.classList.add("own");
}

/** What has to be scrolled sideways can be, with keys too. */
/** What has to be scrolled sideways can be, with keys too: beside the log itself its only stops for Tab. */
function reachable(wide: HTMLElement): void {
  if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
}

function copyable(code: HTMLElement): void {
  const place = document.createElement("div");
  const button = document.createElement("button");
  Object.assign(place, { className: "code" });
  Object.assign(button, { type: "button", className: "copy-code", tabIndex: -1, textContent: t.copyCode });
  button.addEventListener("click", () => {
    void navigator.clipboard?.writeText(code.innerText).then(() => showToast(t.copied));
  });
  code.replaceWith(place);
  place.append(code, button);
}

/** Links leave the chat open. */
function outwards(link: HTMLAnchorElement): void {
  link.target = "_blank";
  if (link.closest(".log")) link.tabIndex = -1;
}
