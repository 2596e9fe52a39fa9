// Offers a reload once the server is another version. Drafts and what is still being sent are kept over it.
// Not for: noticing (net/version.ts). Never a part that is fetched later: it would be gone with the old version.
import { t } from "../i18n/en";
import { outdated } from "../net/version";

export function NewVersion() {
  return outdated.value ? (
    <p class="new-version">
      {t.newVersion}{" "}
      <button type="button" class="button" onClick={() => location.reload()}>
        {t.reload}
      </button>
    </p>
  ) : null;
}
