// What this user saved for later, of all chats. Not for: saving from a log (actions.tsx).
import { t } from "../i18n/en";
import { reasonOf } from "../net/api";
import { listSaved, type Saved, savedIds, toggleSaved } from "../net/saved";
import { chats, live, showToast } from "../store";
import { useAsked } from "./asked";
import { KeptMessage, KeptPanel } from "./kept";

const PAGE = 20;
const MOST = 100;

export function SavedPanel() {
  // Chats come and go, and what was said in them with these.
  const {
    found: list,
    setFound: setList,
    problem,
    again,
  } = useAsked<Saved>(
    (known) => readOn(null, Math.min(Math.max(known?.saved.length ?? 0, PAGE), MOST)),
    [live.value, savedIds.value, chats.value.length],
  );
  const more = (cursor: string) =>
    void readOn(cursor, PAGE).then(
      (found) => list && setList({ ...found, saved: [...list.saved, ...found.saved] }),
      (error) => showToast(reasonOf(error)),
    );
  const forget = (id: string) => void toggleSaved(id).then(showToast, (error) => showToast(reasonOf(error)));
  const nameIn = (id: string) => chats.value.find((chat) => chat.id === id)?.name ?? "";
  return (
    <KeptPanel
      title={t.saved}
      count={list?.saved.length ?? null}
      empty={t.noSaved}
      problem={list ? "" : problem}
      onRetry={again}
      after={
        list?.next && (
          <button type="button" class="button small" onClick={() => list.next && more(list.next)}>
            {t.olderSaved}
          </button>
        )
      }
    >
      {list?.saved.map(({ message }) => (
        <KeptMessage
          key={message.id}
          message={message}
          icon="saved"
          beneath={nameIn(message.chat_id)}
          act={t.unsave}
          onAct={() => forget(message.id)}
        />
      ))}
    </KeptPanel>
  );
}

/** The next page on which there is something: one may see nothing of a whole page any more. */
async function readOn(cursor: string | null, limit: number): Promise<Saved> {
  const found = await listSaved(cursor, limit);
  return found.saved.length === 0 && found.next ? readOn(found.next, limit) : found;
}
