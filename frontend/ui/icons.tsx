// The page's icons, drawn on a grid of 24. Not for: pictures.

const paths = {
  archive: "M4 5h16v4H4zM5 9v11h14V9M10 13h4",
  attach: "M20 11l-8.5 8.5a5 5 0 01-7-7L13 4a3.3 3.3 0 014.7 4.7l-8.5 8.5a1.7 1.7 0 01-2.4-2.4L14 7.6",
  back: "M15 5l-7 7 7 7",
  bell: "M6 16V11a6 6 0 0112 0v5l1.5 2h-15L6 16zM10 20a2 2 0 004 0",
  clock: "M12 7v5l3 2M12 21a9 9 0 100-18 9 9 0 000 18z",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v10H9zM5 15V5h10",
  document: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 10l5 5 5-5M5 20h14",
  edit: "M4 20h4L19 9l-4-4L4 16v4zM13.5 6.5l4 4",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  film: "M4 6h16v12H4zM10 9.5v5l4-2.5z",
  fold: "M6 9l6 6 6-6",
  gear: "M4 7h10M18 7h2M4 17h2M10 17h10M16 9.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5zM8 19.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5z",
  hidden:
    "M4 4l16 16M9.9 5.2A10 10 0 0112 5c5 0 8.5 4 9.5 7a12 12 0 01-2.7 4M14.1 14.1a3 3 0 01-4.2-4.2M6.5 6.6A12 12 0 002.5 12c1 3 4.5 7 9.5 7a9.6 9.6 0 004.5-1.1",
  link: "M10 14a4 4 0 006 0l3-3a4 4 0 00-6-6l-1.5 1.5M14 10a4 4 0 00-6 0l-3 3a4 4 0 006 6l1.5-1.5",
  left: "M15 5l-7 7 7 7",
  minus: "M5 12h14",
  more: "M5.5 11h1v2h-1zM11.5 11h1v2h-1zM17.5 11h1v2h-1z",
  muted: "M4 9v6h4l5 4V5L8 9H4zM17 9l5 6M22 9l-5 6",
  newChat: "M4 20h4L19 9l-4-4L4 16v4zM14 20h6",
  pause: "M9 6v12M15 6v12",
  picture: "M4 5h16v14H4zM4 16l5-5 5 5 3-3 3 3M15 9h.01",
  pin: "M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v6",
  play: "M8 5l11 7-11 7z",
  plus: "M12 5v14M5 12h14",
  react: "M12 21a9 9 0 100-18 9 9 0 000 18zM8.5 14.5a4.5 4.5 0 007 0M9 9.5h.01M15 9.5h.01",
  reply: "M10 6L4 12l6 6M4 12h9a7 7 0 017 7",
  right: "M9 5l7 7-7 7",
  saved: "M7 4h10v16l-5-4-5 4z",
  search: "M11 18a7 7 0 100-14 7 7 0 000 14zM20 20l-4-4",
  send: "M12 19V5M6 11l6-6 6 6",
  sound: "M9 18V6l10-2v12M9 18a3 2.5 0 11-6 0 3 2.5 0 016 0zM19 16a3 2.5 0 11-6 0 3 2.5 0 016 0z",
  star: "M12 4l2.5 5.2 5.7.8-4.1 4 1 5.6-5.1-2.7-5.1 2.7 1-5.6-4.1-4 5.7-.8L12 4z",
  thread: "M4 5h16v11H11l-5 4v-4H4zM8 9h8M8 12h5",
  tick: "M5 12.5l4.5 4.5L19 7.5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  warning: "M12 4l9 16H3l9-16zM12 10v4M12 17h.01",
};

/** They point along the line, so that they turn round where it runs the other way. */
const along = new Set<string>(["back", "left", "right", "reply"]);

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      class={along.has(name) ? "icon along" : "icon"}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={paths[name]} />
    </svg>
  );
}
