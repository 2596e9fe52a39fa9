// In the place of what did not load: why, and a way on. Not for: a problem beside something that is there.
import { t } from "../i18n/en";

export function NotLoaded({ problem, onRetry }: { problem: string; onRetry: () => void }) {
  return (
    <div class="not-loaded" role="alert">
      <p>{problem}</p>
      <button type="button" class="button small" onClick={onRetry}>
        {t.retry}
      </button>
    </div>
  );
}
