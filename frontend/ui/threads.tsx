// The threads that this user follows, those answered last first. Not for: one of them (thread.tsx).
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { reasonOf } from "../net/api";
import { readThreads, type Threads } from "../net/threads";
import { go } from "../route";
import { plain } from "../state/plain";
import { chats } from "../store";
import { Dialog } from "./dialog";
import { attachedTo, nameOf, shortTime } from "./format";
import { panelOf } from "./threadline";

type Listed = Threads["threads"][number];

export function ThreadList({ onClose }: { onClose: () => void }) {
  const [list, setList] = useState<Listed[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const more = (cursor: string | null) =>
    readThreads(cursor).then(
      (found) => {
        setProblem("");
        setList((now) => [...(cursor && now ? now : []), ...found.threads]);
        setNext(found.next);
      },
      (error) => setProblem(reasonOf(error)),
    );
  useEffect(() => void more(null), []);
  return (
    <Dialog title={t.threads} onClose={onClose}>
      {list?.length === 0 && <p class="nothing">{t.noThreads}</p>}
      <ul class="threads">
        {list?.map((each) => (
          <li key={each.id}>
            <button
              type="button"
              onClick={() => {
                onClose();
                go(each.chat_id, panelOf(each.id));
              }}
            >
              <Line each={each} />
            </button>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button small" onClick={() => more(next)}>
          {t.olderThreads}
        </button>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}

function Line({ each: { chat_id, root, last_at, unread } }: { each: Listed }) {
  const text = root && (root.deleted ? t.deletedLine : plain(root.text) || attachedTo(root));
  return (
    <>
      <span class="dim">
        <bdi>{chats.value.find((chat) => chat.id === chat_id)?.name}</bdi> · {shortTime(last_at)}
      </span>
      <bdi class="preview">{root && text ? t.says(nameOf(root.author), text) : t.repliedEarlier}</bdi>
      {root?.replies && <span class="dim">{t.replies(root.replies.count)}</span>}
      {unread > 0 && (
        <span class="count">
          <span aria-hidden="true">{unread > 99 ? "99+" : unread}</span>
          <span class="hidden">{t.unread(unread)}</span>
        </span>
      )}
    </>
  );
}
