// Asks to sign in again when the session has ended, without losing the page. Not for: the sign-in itself.
import { useState } from "preact/hooks";
import { t } from "../i18n/en";
import { askSession } from "../net/api";
import { feed } from "../net/drive";
import { retryPassing } from "../net/sender";
import { me, signedOut } from "../store";
import { Dialog } from "./dialog";

export function SignedOut() {
  const [note, setNote] = useState("");
  if (!signedOut.value) return null;
  const check = () => resume().then(setNote, (error: Error) => setNote(error.message));
  return (
    <Dialog title={t.signedOutTitle} onClose={() => {}} closable={false}>
      <p class="dim">{t.signedOutText}</p>
      {note && <p class="problem">{note}</p>}
      <div class="acts">
        <button type="button" class="button" onClick={check}>
          {t.signedInAgain}
        </button>
        <a class="button primary" href="/login" target="_blank" rel="noopener">
          {t.signIn}
        </a>
      </div>
    </Dialog>
  );
}

/** Goes on where the page was; the problem in words where it cannot. */
async function resume(): Promise<string> {
  const user = await askSession();
  if (!user) return t.stillSignedOut;
  // Somebody else's page must not show this one's chats for a moment longer.
  if (user.id !== me.value.id) location.reload();
  signedOut.value = false;
  retryPassing();
  feed({ kind: "signed_in" });
  return "";
}
