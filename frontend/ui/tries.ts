// An image that does not come is fetched again: a few times by itself, as what refused it may just be busy, then when
// somebody asks. Not for: what stands in its place meanwhile.
import { useEffect, useState } from "preact/hooks";

const PAUSES_MS = [1000, 3000, 9000];

/** `tries`: a key for the image, new with each try; `state`: "there" is an image, on its way or shown. */
export function useTries() {
  const [tries, setTries] = useState(0);
  const [state, setState] = useState<"there" | "waiting" | "lost">("there");
  const again = () => {
    setTries((before) => before + 1);
    setState("there");
  };
  useEffect(() => {
    if (state !== "waiting") return;
    const timer = setTimeout(again, (PAUSES_MS[tries] ?? 0) * (0.75 + Math.random() / 2));
    return () => clearTimeout(timer);
  }, [state]);
  const onError = () => setState(tries < PAUSES_MS.length ? "waiting" : "lost");
  return { tries, state, again, onError };
}
