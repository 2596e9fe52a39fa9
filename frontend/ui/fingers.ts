// One finger or the mouse moves a picture, two pinch it. Not for: what else a tap or a swipe does (stage.tsx).
import { useRef } from "preact/hooks";
import { moved, type View, zoomed } from "./zoom";

/** In pixels, from the middle of the stage. */
export interface Point {
  x: number;
  y: number;
}

interface Props {
  stage: { current: HTMLElement | null };
  view: { current: View };
  /** Whether one finger moves it now. */
  loose: () => boolean;
  show: (view: View) => void;
  /** One finger was lifted and no other was there. */
  onLift?: (from: Point, to: Point, event: PointerEvent) => void;
}

/** What the stage listens to. */
export function useFingers({ stage, view, loose, show, onLift }: Props) {
  const down = useRef(new Map<number, Point>());
  const began = useRef<Point & { pinched: boolean }>({ x: 0, y: 0, pinched: false });
  const place = ({ clientX, clientY }: { clientX: number; clientY: number }): Point => {
    const box = stage.current?.getBoundingClientRect() ?? new DOMRect();
    return { x: clientX - box.x - box.width / 2, y: clientY - box.y - box.height / 2 };
  };
  const zoomAt = (by: number, { x, y }: Point) => show(zoomed(view.current, by, x, y));
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    stage.current?.setPointerCapture(event.pointerId);
    down.current.set(event.pointerId, place(event));
    if (down.current.size === 1) began.current = { ...place(event), pinched: false };
    else began.current.pinched = true;
  };
  const onPointerMove = (event: PointerEvent) => {
    const from = down.current.get(event.pointerId);
    if (!from) return;
    const to = place(event);
    const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1];
    if (other) zoomAt(distance(to, other) / Math.max(1, distance(from, other)), between(to, other));
    else if (loose()) show(moved(view.current, to.x - from.x, to.y - from.y));
    down.current.set(event.pointerId, to);
  };
  const onPointerUp = (event: PointerEvent) => {
    if (!down.current.delete(event.pointerId) || down.current.size > 0 || began.current.pinched) return;
    onLift?.(began.current, place(event), event);
  };
  const onPointerCancel = (event: PointerEvent) => down.current.delete(event.pointerId);
  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY / 300), place(event));
  };
  return { onPointerDown, onPointerMove, onPointerUp, onPointerCancel, onWheel };
}

export const distance = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);
const between = (a: Point, b: Point) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
