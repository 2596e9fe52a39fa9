// A word to this user alone, as a message of its bot that can be dismissed. Not for: messages of the log (message.tsx).
import { t } from "../i18n/en";
import { dismissEphemeral } from "../net/ephemerals";
import { plain } from "../state/plain";
import type { Ephemeral, Message } from "../state/types";
import { nameOf, timeOf } from "./format";
import { Icon } from "./icons";
import { bare, Face, Head, Said } from "./message";

export function Aside({ ephemeral }: { ephemeral: Ephemeral }) {
  const message = asMessage(ephemeral);
  // Without data-seq: nobody reads up to it, and no place in the log is kept by it.
  return (
    <article
      class="message theirs head tail aside"
      tabIndex={-1}
      aria-label={t.label(nameOf(ephemeral.author), plain(ephemeral.text), timeOf(ephemeral.at), t.onlyYou)}
    >
      <Face message={message} />
      <div class="said">
        <Head message={message} mine={false} />
        <div class="with-tools">
          <div class={`bubble ${bare(message) ? "bare" : ""}`}>
            <Said message={message} kind="ephemerals" />
          </div>
        </div>
        <p class="only-you">
          <Icon name="hidden" />
          {t.onlyYou}
          <button type="button" tabIndex={-1} onClick={(event) => dismiss(event.currentTarget, ephemeral)}>
            {t.dismiss}
          </button>
        </p>
      </div>
    </article>
  );
}

function dismiss(button: HTMLElement, ephemeral: Ephemeral): void {
  // The focus would go with the button.
  button.closest<HTMLElement>(".log")?.focus({ preventScroll: true });
  void dismissEphemeral(ephemeral);
}

function asMessage({ at, ...said }: Ephemeral): Message {
  const unset = { attachments: [], reply_to: null, reactions: [], edited_at: null, deleted: false };
  return { ...said, ...unset, created_at: at, client_id: "" };
}
