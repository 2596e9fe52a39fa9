// Says that live events or answers stopped, once that has lasted. Not for: making them come back (state/reconnect.ts).
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { live, reachable } from "../store";
import { Icon } from "./icons";

/** Shorter losses, and the moment after the page opens, are nobody's business. */
const PATIENCE_MS = 2500;

export function Banner() {
  const down = !live.value || !reachable.value;
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!down) return setShown(false);
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [down]);
  return (
    <div class="banner-place" role="status">
      {shown && down && (
        <p class="connection">
          <Icon name="warning" /> {reachable.value ? t.reconnecting : t.unreachable}
        </p>
      )}
    </div>
  );
}
