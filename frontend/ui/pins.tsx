// The pinned messages of a chat, beside it. Not for: pinning from the log (actions.tsx).
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { togglePin } from "../net/acts";
import { reasonOf } from "../net/api";
import { readPins } from "../net/pins";
import type { Chat, Message } from "../state/types";
import { live, pinTurns, showToast } from "../store";
import { nameOf } from "./format";
import { KeptMessage, KeptPanel } from "./kept";

export function PinsPanel({ chat }: { chat: Chat }) {
  const [list, setList] = useState<readonly Message[] | null>(null);
  const [problem, setProblem] = useState("");
  const load = () => {
    let late = false;
    readPins(chat.id).then(
      ({ messages }) => {
        if (late) return;
        setProblem("");
        setList(messages);
      },
      (error) => late || setProblem(reasonOf(error)),
    );
    return () => {
      late = true;
    };
  };
  useEffect(load, [live.value, pinTurns.value]);
  const unpin = (message: Message) =>
    void togglePin(message).then(showToast, (error) => showToast(reasonOf(error)));
  return (
    <KeptPanel
      title={t.pins}
      beneath={chat.name}
      count={list?.length ?? null}
      empty={t.noPins}
      problem={list ? "" : problem}
      onRetry={load}
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
