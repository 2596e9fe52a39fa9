// The page's icons: one sprite, laid once into the document, which all icons use. What they are like, drawn on a grid of
// 24, stands in icons.json, from which the pages without script draw theirs too (icons.py). Not for: pictures.
import paths from "../../infitalks/static/icons.json";

/** They point along the line, so that they turn round where it runs the other way. */
const along = new Set<string>(["back", "left", "right", "reply"]);

export type IconName = keyof typeof paths;

const draw = ([name, path]: [string, string]) => `<path id="i-${name}" d="${path}"/>`;
const sprite = document.createElement("div");
sprite.hidden = true;
sprite.innerHTML = `<svg>${Object.entries(paths).map(draw).join("")}</svg>`;
document.body.append(sprite);

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      class={along.has(name) ? "icon along" : "icon"}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <use href={`#i-${name}`} />
    </svg>
  );
}
