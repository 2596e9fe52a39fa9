// What this user saved for later, of all chats. Not for: saving from a log (actions.tsx).
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { reasonOf } from "../net/api";
import { listSaved, type Saved, savedIds, toggleSaved } from "../net/saved";
import { chats, live, showToast } from "../store";
import { KeptMessage, KeptPanel } from "./kept";

const PAGE = 20;
const MOST = 100;

export function SavedPanel() {
  const [list, setList] = useState<Saved | null>(null);
  const [problem, setProblem] = useState("");
  const take = (found: Saved) => {
    setProblem("");
    setList(found);
  };
  const load = () => {
    let late = false;
    const shown = list?.saved.length ?? 0;
    readOn(null, Math.min(Math.max(shown, PAGE), MOST)).then(
      (found) => late || take(found),
      (error) => late || setProblem(reasonOf(error)),
    );
    return () => {
      late = true;
    };
  };
  const more = (cursor: string) =>
    void readOn(cursor, PAGE).then(
      (found) => list && take({ ...found, saved: [...list.saved, ...found.saved] }),
      (error) => showToast(reasonOf(error)),
    );
  // Chats come and go, and what was said in them with these.
  useEffect(load, [live.value, savedIds.value, chats.value.length]);
  const forget = (id: string) => void toggleSaved(id).then(showToast, (error) => showToast(reasonOf(error)));
  const nameIn = (id: string) => chats.value.find((chat) => chat.id === id)?.name ?? "";
  return (
    <KeptPanel
      title={t.saved}
      count={list?.saved.length ?? null}
      empty={t.noSaved}
      problem={list ? "" : problem}
      onRetry={load}
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
