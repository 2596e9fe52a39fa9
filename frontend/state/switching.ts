// What the quick switcher offers: chats and people for what was typed, the ones used last first. Pure.
// Not for: how well a name fits (fuzzy.ts).
import { fitting } from "./fuzzy";
import type { Chat, User } from "./types";

/** A chat to open, or a person to start one with. */
export type Offer = { id: string; name: string; chat: Chat | null; user: User | null };

const MOST = 20;

/** `recent`: ids of chats, the one opened last first; the open chat is offered last. */
export function offers(
  typed: string,
  chats: readonly Chat[],
  people: readonly User[],
  recent: readonly string[],
  open: string | null,
): readonly Offer[] {
  const rank = (chat: Chat) => {
    if (chat.id === open) return recent.length + 1;
    const place = recent.indexOf(chat.id);
    return place < 0 ? recent.length : place;
  };
  const ordered = [...chats].sort((a, b) => rank(a) - rank(b));
  const known = new Set(chats.map((chat) => chat.other?.id));
  const strangers = typed.trim() ? people.filter((user) => !known.has(user.id)) : [];
  const all = [...ordered.map(ofChat), ...strangers.map(ofUser)];
  return fitting(all, typed, searched).slice(0, MOST);
}

const ofChat = (chat: Chat): Offer => ({ id: chat.id, name: chat.name, chat, user: chat.other });
const ofUser = (user: User): Offer => ({ id: user.id, name: user.display_name, chat: null, user });

const searched = ({ name, user }: Offer): string => (user ? `${name} @${user.username}` : name);
