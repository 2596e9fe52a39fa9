// Makes one question of those that come close together. Not for: trying again after an error (api.ts).

/** In a moment, and not in the same one on all pages; in milliseconds. */
const inAMoment = (): number => 800 + 1200 * Math.random();

/** What asks once for all its calls from the first of them until `wait()` later. */
export function gather(ask: () => Promise<unknown>, wait = inAMoment): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      ask().catch(() => {});
    }, wait());
  };
}
