// Where the large picture stands: wheel, pinch, double tap, drag and swipe. Not for: what is around it (lightbox.tsx).
import { useImperativeHandle, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import type { Attachment } from "../state/types";
import { distance, type Point, useFingers } from "./fingers";
import { useTries } from "./tries";
import { kept, keyed, type View, WHOLE, zoomed } from "./zoom";

/** What keys and buttons do to it; false where a key means nothing here. */
export interface Zoom {
  key: (key: string) => boolean;
}

interface Props {
  zoom: { current: Zoom | null };
  picture: Attachment;
  still: boolean;
  onStep: (by: number) => void;
  onClose: () => void;
}

/** In pixels. */
const SWIPE = 60;
const TAP = 8;
const DOUBLE_MS = 300;

export function Stage({ zoom, picture, still, onStep, onClose }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const image = useRef<HTMLImageElement>(null);
  const tapped = useRef(0);
  const [view, setView] = useState<View>(WHOLE);
  const { tries, state, onError } = useTries();
  const latest = useRef(view);
  const show = (next: View) => {
    if (!stage.current || !image.current) return;
    const { offsetWidth: width, offsetHeight: height } = image.current;
    const box = stage.current.getBoundingClientRect();
    latest.current = next.scale === 1 ? WHOLE : kept(next, { width, height }, box);
    setView(latest.current);
  };
  const loose = () => latest.current.scale > 1;
  const key = (pressed: string): boolean => {
    if (pressed.startsWith("Arrow") && !loose()) return false;
    const next = keyed(latest.current, pressed);
    if (next) show(next);
    return next !== null;
  };
  useImperativeHandle(zoom, () => ({ key }), []);
  const tap = (at: Point, event: PointerEvent) => {
    const twice = event.timeStamp - tapped.current < DOUBLE_MS;
    tapped.current = twice ? 0 : event.timeStamp;
    if (document.elementFromPoint(event.clientX, event.clientY)?.tagName !== "IMG") onClose();
    else if (twice) show(loose() ? WHOLE : zoomed(latest.current, 2.5, at.x, at.y));
  };
  const onLift = (from: Point, to: Point, event: PointerEvent) => {
    const across = to.x - from.x;
    if (distance(to, from) < TAP) tap(to, event);
    else if (!loose() && event.pointerType !== "mouse" && Math.abs(across) > SWIPE)
      onStep(across < 0 ? 1 : -1);
  };
  const { width, height } = picture;
  return (
    <div
      ref={stage}
      class={`stage ${view.scale > 1 ? "zoomed" : ""}`}
      {...useFingers({ stage, view: latest, loose, show, onLift })}
    >
      {state === "lost" && <p>{t.pictureLost}</p>}
      {state === "there" && (
        <img
          key={tries}
          ref={image}
          src={(still ? picture.still_url : picture.url) ?? ""}
          alt={picture.alt || t.pictureOf(picture.name)}
          width={width ?? undefined}
          height={height ?? undefined}
          draggable={false}
          onError={onError}
          style={{
            transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
            // What the log has shown already, until the large one is there.
            backgroundImage: still ? "" : `url("${picture.thumb_url}")`,
          }}
        />
      )}
    </div>
  );
}
