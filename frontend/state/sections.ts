// The list of chats in sections, and the way through it. Pure. Not for: the list itself (chats.ts).
import type { Chat } from "./types";

export type SectionId = "favourites" | "groups" | "direct";
export interface Section {
  id: SectionId;
  chats: readonly Chat[];
}

const ORDER: readonly SectionId[] = ["favourites", "groups", "direct"];

/** The sections that have any chat, each in the order of the list. */
export function sectionsOf(list: readonly Chat[]): readonly Section[] {
  const all = ORDER.map((id) => ({ id, chats: list.filter((chat) => sectionOf(chat) === id) }));
  return all.filter(({ chats }) => chats.length > 0);
}

function sectionOf(chat: Chat): SectionId {
  if (chat.favourite) return "favourites";
  return chat.kind === "direct" ? "direct" : "groups";
}

/** The list as it was last shown, in the order of `held`, so that nothing moves under a pointer; new ones last. */
export function steady(list: readonly Chat[], held: readonly string[]): readonly Chat[] {
  const place = new Map(held.map((id, index) => [id, index]));
  const placeOf = (chat: Chat) => place.get(chat.id) ?? held.length;
  return [...list].sort((a, b) => placeOf(a) - placeOf(b));
}

export const waits = (chat: Chat): boolean => chat.unread > 0 && !chat.muted;

/** The chat that comes `by` places after the open one as they are listed, round the end; only among those that `fit`. */
export function neighbour(
  list: readonly Chat[],
  open: string | null,
  by: 1 | -1,
  fit: (chat: Chat) => boolean = () => true,
): Chat | null {
  const rows = sectionsOf(list).flatMap(({ chats }) => chats);
  const here = rows.findIndex((chat) => chat.id === open);
  const first = here < 0 && by < 0 ? 0 : here;
  for (let step = 1; step <= rows.length; step++) {
    const chat = rows[(first + by * step + rows.length * 2) % rows.length];
    if (chat && chat.id !== open && fit(chat)) return chat;
  }
  return null;
}
