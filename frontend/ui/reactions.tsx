// The reactions under a message. Not for: the picker (quick.tsx).
import { t } from "../i18n/en";
import { toggleReaction } from "../net/acts";
import type { Message } from "../state/types";
import { me, members, showToast } from "../store";
import { nameOf } from "./format";

export function Reactions({ message }: { message: Message }) {
  if (message.reactions.length === 0) return null;
  return (
    <div class="reactions">
      {message.reactions.map(({ emoji, users }) => {
        const label = t.reacted(emoji, names(message.chat_id, users));
        return (
          <button
            key={emoji}
            type="button"
            class="reaction"
            tabIndex={-1}
            data-tip={label}
            aria-label={label}
            aria-pressed={users.includes(me.value.id)}
            onClick={() => toggleReaction(message, emoji).catch((error: Error) => showToast(error.message))}
          >
            <span>{emoji}</span> {users.length}
          </button>
        );
      })}
    </div>
  );
}

function names(chatId: string, users: string[]): string[] {
  const known = members.value.get(chatId) ?? [];
  return users.map((id) => {
    const member = known.find((each) => each.user.id === id);
    return id === me.value.id ? t.you : member ? nameOf(member.user) : "?";
  });
}
