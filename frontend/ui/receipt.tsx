// Under one's newest message: that it was sent, then who has seen it. Not for: the list of them (about.tsx).
import { t } from "../i18n/en";
import { seen } from "../state/members";
import type { Chat, Message } from "../state/types";
import { about, me, members } from "../store";
import { Avatar } from "./avatar";
import { nameOf } from "./format";

const MOST_FACES = 5;

export function Receipt({ message, chat }: { message: Message; chat: Chat }) {
  const { by } = seen(members.value.get(chat.id) ?? [], me.value.id, message.seq);
  if (by.length === 0) return <p class="receipt">{t.sent}</p>;
  if (chat.kind === "direct") return <p class="receipt">{t.seen}</p>;
  const show = () => {
    about.value = { kind: "seen", message };
  };
  const label = t.seenBy(by.map(({ user }) => nameOf(user)));
  return (
    <button type="button" class="receipt" tabIndex={-1} aria-label={label} title={label} onClick={show}>
      {t.seen}
      {by.slice(0, MOST_FACES).map(({ user }) => (
        <Avatar key={user.id} of={{ ...user, name: nameOf(user) }} size="tiny" />
      ))}
      {by.length > MOST_FACES && `+${by.length - MOST_FACES}`}
    </button>
  );
}
