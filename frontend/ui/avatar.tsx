// A person's, bot's or chat's picture, else a letter on a colour of its own, a group's on two; with a dot where somebody is here.
import type { Chat } from "../state/types";
import { online } from "../store";
import { presenceWord } from "./format";

interface Shown {
  id: string;
  name: string;
  avatar_url: string | null;
  kind?: string;
}

/** The picture of a chat, which for a direct one is the other person's. */
export function ChatAvatar({ chat }: { chat: Chat }) {
  return <Avatar of={{ ...chat, id: chat.other?.id ?? chat.id }} userId={chat.other?.id} />;
}

export function Avatar({ of, size = "", userId }: { of: Shown; size?: string; userId?: string | undefined }) {
  const presence = userId === undefined ? undefined : online.value.get(userId);
  const group = of.kind === "group";
  return (
    <span class={`face ${size}`}>
      {of.avatar_url ? (
        <img class={`avatar ${size}`} src={of.avatar_url} alt="" width="40" height="40" />
      ) : (
        <span class={`avatar ${group ? "group" : ""} ${size}`} data-tint={of.id.slice(-1)} aria-hidden="true">
          {group ? initials(of.name) : initial(of.name)}
        </span>
      )}
      {presence && (
        <span class={presence}>
          <span class="hidden">{presenceWord(presence)}</span>
        </span>
      )}
    </span>
  );
}

// By code point, so that an emoji at the start of a name is not cut in half.
const initial = (name: string) => [...name.trim()][0] ?? "?";
const initials = (name: string) => name.trim().split(/\s+/, 2).map(initial).join("");
