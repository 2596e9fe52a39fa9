// The reactions that are one press away, and the way to all others. Not for: those that a message has (reactions.tsx).
import { t } from "../i18n/en";
import { toggleReaction } from "../net/acts";
import type { Message } from "../state/types";
import { about, showToast } from "../store";
import { Icon } from "./icons";

const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

export function Quick({ message, close }: { message: Message; close: () => void }) {
  const react = (emoji: string) => () => {
    close();
    toggleReaction(message, emoji).catch((error: Error) => showToast(error.message));
  };
  const others = () => {
    close();
    about.value = { kind: "react", message };
  };
  return (
    <>
      {QUICK.map((emoji) => (
        <button key={emoji} type="button" aria-label={t.reactWith(emoji)} onClick={react(emoji)}>
          {emoji}
        </button>
      ))}
      <button type="button" aria-label={t.otherEmoji} title={t.otherEmoji} onClick={others}>
        <Icon name="more" />
      </button>
    </>
  );
}
