// What one part of the page asks the server for while it is shown. Not for: what the whole page knows (store.ts).
import { useEffect, useRef, useState } from "preact/hooks";
import { reasonOf } from "../net/api";

/** Asks now and whenever `after` changes; an answer that a later question overtook is not taken. */
export function useAsked<T>(ask: (known: T | null) => Promise<T>, after: readonly unknown[]) {
  const [found, setFound] = useState<T | null>(null);
  const [problem, setProblem] = useState("");
  const asked = useRef(0);
  const again = () => {
    const turn = ++asked.current;
    const inTime = () => turn === asked.current;
    ask(found).then(
      (answer) => {
        if (!inTime()) return;
        setProblem("");
        setFound(answer);
      },
      (error) => {
        if (inTime()) setProblem(reasonOf(error));
      },
    );
  };
  useEffect(again, after);
  return { found, setFound, problem, again };
}
