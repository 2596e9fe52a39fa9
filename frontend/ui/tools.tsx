// The buttons beside a message. Not for: what its menu lists (actions.tsx).
import { useContext } from "preact/hooks";
import { t } from "../i18n/en";
import type { Chat, Message } from "../state/types";
import { composing } from "../store";
import { Actions } from "./actions";
import { fullTimeOf, timeOf } from "./format";
import { Icon } from "./icons";
import { PopoverButton } from "./menu";
import { Quick } from "./quick";
import { InThread, openThread } from "./threadline";

interface Props {
  message: Message;
  mine: boolean;
  chat: Chat;
  /** Where the message has no head that shows it. */
  time: string | null;
}

export function Tools({ message, mine, chat, time }: Props) {
  const thread = useContext(InThread);
  const reply = () => {
    composing.value = { kind: "reply", message, thread };
  };
  return (
    <div class="tools">
      {" " /* Where the page is read as text, its last word and the time stay apart. */}
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
        {(close) => <Actions {...{ message, mine, chat, close }} />}
      </PopoverButton>
      {time && (
        <time dateTime={time} data-tip={fullTimeOf(time)}>
          {timeOf(time)}
        </time>
      )}
    </div>
  );
}
