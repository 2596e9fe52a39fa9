// What is asked or told about one message in a dialog: whether it is to be deleted, what it said before, who saw it, whether it notified.
// Not for: its menu (actions.tsx). Fetched when it is first shown.
import { useEffect } from "preact/hooks";
import { t } from "../i18n/en";
import { toggleReaction } from "../net/acts";
import { call } from "../net/api";
import { deleteSoon } from "../net/deleting";
import { readDetail } from "../net/sync";
import { seen } from "../state/members";
import type { Member, Message } from "../state/types";
import { about, announce, me, members, showToast } from "../store";
import { useAsked } from "./asked";
import { Avatar } from "./avatar";
import { Confirm, Dialog } from "./dialog";
import { fullTimeOf, nameOf } from "./format";
import { later } from "./later";
import { WhyNotified } from "./notices";
import { Rendered } from "./rendered";

const EmojiPicker = later(async () => (await import("./emojipicker")).EmojiPicker);

export function About() {
  const asked = about.value;
  const close = () => {
    about.value = null;
  };
  if (asked?.kind === "delete") return <Delete message={asked.message} onClose={close} />;
  if (asked?.kind === "seen") return <Seen message={asked.message} onClose={close} />;
  if (asked?.kind === "why") return <WhyNotified message={asked.message} onClose={close} />;
  if (asked?.kind === "react") return <React message={asked.message} onClose={close} />;
  if (asked?.kind === "history") return <History message={asked.message} onClose={close} />;
  return null;
}

type Props = { message: Message; onClose: () => void };

function Delete({ message, onClose }: Props) {
  const act = () => {
    deleteSoon(message);
    announce(t.deletedUndo);
    // Where the buttons were from which one came here.
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>(`[data-seq="${message.seq}"] .undo`)?.focus(),
    );
  };
  return <Confirm title={t.removeTitle} text={t.removeText} act={t.remove} onAct={act} onClose={onClose} />;
}

function React({ message, onClose }: Props) {
  const pick = (emoji: string) => {
    onClose();
    toggleReaction(message, emoji).catch((error: Error) => showToast(error.message));
  };
  return (
    <Dialog title={t.react} onClose={onClose}>
      <EmojiPicker onPick={pick} />
    </Dialog>
  );
}

function Seen({ message, onClose }: Props) {
  const { by, not } = seen(members.value.get(message.chat_id) ?? [], me.value.id, message.seq);
  // Nobody is told when somebody stops telling how far they read.
  useEffect(() => void readDetail(message.chat_id), [message.chat_id]);
  return (
    <Dialog title={t.whoSaw} onClose={onClose}>
      {by.length > 0 && <People list={by} />}
      {not.length > 0 && <h3>{t.notSeen}</h3>}
      <People list={not} />
    </Dialog>
  );
}

function People({ list }: { list: Member[] }) {
  return (
    <ul class="people-list">
      {list.map(({ user }) => (
        <li key={user.id}>
          <Avatar of={{ ...user, name: nameOf(user) }} size="small" />
          <bdi>{nameOf(user)}</bdi>
        </li>
      ))}
    </ul>
  );
}

type Version = { text: string; html: string; at: string };

function History({ message, onClose }: Props) {
  const { found, problem } = useAsked(
    () => call<{ versions: Version[] }>("GET", `/api/messages/${message.id}/history`),
    [],
  );
  return (
    <Dialog title={t.historyTitle} onClose={onClose}>
      {problem && <p class="problem">{problem}</p>}
      {!found && !problem && <span class="spinner" />}
      <ol class="versions">
        {found?.versions.toReversed().map(({ html, at }, index) => (
          <li key={at}>
            <p class="dim">
              <time dateTime={at}>{fullTimeOf(at)}</time>
              {index === 0 && ` · ${t.now}`}
            </p>
            <Rendered html={html} />
          </li>
        ))}
      </ol>
    </Dialog>
  );
}
