// The pinned messages of a chat, beside it. Not for: pinning from the log (actions.tsx).
import { t } from "../i18n/en";
import { togglePin } from "../net/acts";
import { reasonOf } from "../net/api";
import { readPins } from "../net/pins";
import type { Chat, Message } from "../state/types";
import { live, pinTurns, showToast } from "../store";
import { useAsked } from "./asked";
import { nameOf } from "./format";
import { KeptMessage, KeptPanel } from "./kept";

export function PinsPanel({ chat }: { chat: Chat }) {
  const { found, problem, again } = useAsked(() => readPins(chat.id), [live.value, pinTurns.value]);
  const list = found?.messages;
  const unpin = (message: Message) =>
    void togglePin(message).then(showToast, (error) => showToast(reasonOf(error)));
  return (
    <KeptPanel
      title={t.pins}
      beneath={chat.name}
      count={list?.length ?? null}
      empty={t.noPins}
      problem={list ? "" : problem}
      onRetry={again}
    >
      {list?.map((message) => (
        <KeptMessage
          key={message.id}
          message={message}
          icon="pin"
          beneath={message.pinned ? t.pinnedBy(nameOf(message.pinned.by)) : ""}
          act={t.unpin}
          onAct={() => unpin(message)}
        />
      ))}
    </KeptPanel>
  );
}
