// Which chats were opened last. Pure. Not for: keeping it (recent.ts).

const MOST = 20;

/** The ids with `chat` in front. */
export function visited(recent: readonly string[], chat: string): readonly string[] {
  return [chat, ...recent.filter((id) => id !== chat)].slice(0, MOST);
}
