// How far a picture is enlarged, and which part of it is seen. Pure. Not for: gestures (lightbox.tsx).

/** `x` and `y`: where the picture's middle is, in pixels from the middle of the stage. */
export interface View {
  scale: number;
  x: number;
  y: number;
}

export interface Box {
  width: number;
  height: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
const LARGEST = 8;
/** In pixels. */
const NUDGE = 40;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** Enlarged `by` times, so that the point under (x, y), from the middle of the stage, stays where it is. */
export function zoomed(view: View, by: number, x = 0, y = 0): View {
  const scale = Math.min(LARGEST, Math.max(1, view.scale * by));
  if (scale === 1) return WHOLE;
  const part = scale / view.scale;
  return { scale, x: x - (x - view.x) * part, y: y - (y - view.y) * part };
}

export function moved(view: View, x: number, y: number): View {
  return { ...view, x: view.x + x, y: view.y + y };
}

/** No further out than that the picture's edge reaches the stage's; in the middle where it is smaller. */
export function kept(view: View, picture: Box, stage: Box): View {
  return {
    scale: view.scale,
    x: within(view.x, (picture.width * view.scale - stage.width) / 2),
    y: within(view.y, (picture.height * view.scale - stage.height) / 2),
  };
}

/** What a key does to it: + - 0 and arrows. Null where the key means nothing. */
export function keyed(view: View, key: string): View | null {
  if (key === "+" || key === "=") return zoomed(view, 1.5);
  if (key === "-") return zoomed(view, 1 / 1.5);
  if (key === "0") return WHOLE;
  const [x, y] = ARROWS[key] ?? [0, 0];
  return x || y ? moved(view, x * NUDGE, y * NUDGE) : null;
}

const within = (value: number, most: number) => (most > 0 ? Math.min(most, Math.max(-most, value)) : 0);
