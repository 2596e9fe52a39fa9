// What can be done with a message: react, reply, and one's own or an owner's rights. Not for: doing it (net/acts.ts).
import { useContext, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { deleteMessage, toggleReaction } from "../net/acts";
import type { Chat, Message } from "../state/types";
import { composing, showToast } from "../store";
import { Confirm } from "./dialog";
import { timeOf } from "./format";
import { Icon } from "./icons";
import { later } from "./later";
import { PopoverButton } from "./menu";
import { QUICK } from "./reactions";
import { InThread, openThread } from "./threadline";

const WhyNotified = later(async () => (await import("./notices")).WhyNotified);

interface Props {
  message: Message;
  mine: boolean;
  chat: Chat;
  /** Where the message has no head that shows it. */
  time: string | null;
}

export function Tools({ message, mine, chat, time }: Props) {
  const [asking, setAsking] = useState(false);
  const [wondering, setWondering] = useState(false);
  const thread = useContext(InThread);
  const reply = () => {
    composing.value = { kind: "reply", message, thread };
  };
  return (
    <div class="tools">
      <PopoverButton label={t.react} icon="react" kind="quick" inLog>
        {(close) => <Quick message={message} close={close} />}
      </PopoverButton>
      <button type="button" class="tool" tabIndex={-1} aria-label={t.reply} title={t.reply} onClick={reply}>
        <Icon name="reply" />
      </button>
      {!thread && (
        <button
          type="button"
          class="tool"
          tabIndex={-1}
          aria-label={t.inThread}
          title={t.inThread}
          onClick={() => openThread(message)}
        >
          <Icon name="thread" />
        </button>
      )}
      <PopoverButton label={t.more} icon="more" kind="menu" inLog>
        {(close) => (
          <More
            {...{ message, mine, chat, close }}
            onDelete={() => setAsking(true)}
            onWhy={() => setWondering(true)}
          />
        )}
      </PopoverButton>
      {time && <time dateTime={time}>{timeOf(time)}</time>}
      {asking && (
        <Confirm
          title={t.removeTitle}
          text={t.removeText}
          act={t.remove}
          onAct={() => void deleteMessage(message).catch((error: Error) => showToast(error.message))}
          onClose={() => setAsking(false)}
        />
      )}
      {wondering && <WhyNotified message={message} onClose={() => setWondering(false)} />}
    </div>
  );
}

function Quick({ message, close }: { message: Message; close: () => void }) {
  return QUICK.map((emoji) => (
    <button
      key={emoji}
      type="button"
      aria-label={t.reactWith(emoji)}
      onClick={() => {
        close();
        toggleReaction(message, emoji).catch((error: Error) => showToast(error.message));
      }}
    >
      {emoji}
    </button>
  ));
}

type MoreProps = Omit<Props, "time"> & { close: () => void; onDelete: () => void; onWhy: () => void };

function More({ message, mine, chat, close, onDelete, onWhy }: MoreProps) {
  const act = (doing: () => void) => () => {
    close();
    doing();
  };
  const thread = useContext(InThread);
  const edit = () => {
    composing.value = { kind: "edit", message, thread };
  };
  return (
    <>
      {message.text && (
        <button type="button" onClick={act(() => void copy(message.text))}>
          <Icon name="copy" /> {t.copy}
        </button>
      )}
      {mine && message.text && (
        <button type="button" onClick={act(edit)}>
          <Icon name="edit" /> {t.edit}
        </button>
      )}
      {!mine && (
        <button type="button" onClick={act(onWhy)}>
          <Icon name="bell" /> {t.whyNotified}
        </button>
      )}
      {(mine || chat.role === "owner") && (
        <button type="button" class="danger" onClick={act(onDelete)}>
          <Icon name="trash" /> {t.remove}
        </button>
      )}
    </>
  );
}

async function copy(text: string): Promise<void> {
  await navigator.clipboard?.writeText(text);
  showToast(t.copied);
}
