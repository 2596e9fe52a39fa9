// How many answered a message, from what the server counted and what the log has heard since. Pure.
import type { Row } from "./log";
import type { Message, Replies } from "./types";

const MOST_FACES = 3;

const found = new WeakMap<readonly Row[], Map<string, Message[]>>();

/** The replies among these rows by the first message of their thread. */
export function threadsIn(rows: readonly Row[]): ReadonlyMap<string, readonly Message[]> {
  const known = found.get(rows);
  if (known) return known;
  const made = new Map<string, Message[]>();
  for (const { message } of rows) {
    if (!message?.thread) continue;
    const thread = made.get(message.thread);
    if (thread) thread.push(message);
    else made.set(message.thread, [message]);
  }
  found.set(rows, made);
  return made;
}

/** What followed on a thread's first message; null: nothing. */
export function repliesTo(message: Message, rows: readonly Row[]): Omit<Replies, "as_of"> | null {
  const counted = message.replies ?? { count: 0, last_at: "", users: [], as_of: 0 };
  const later = (threadsIn(rows).get(message.id) ?? []).filter(
    ({ seq, deleted }) => seq > counted.as_of && !deleted,
  );
  const count = counted.count + later.length;
  if (count === 0) return null;
  const users = new Map(
    [...counted.users, ...later.map(({ author }) => author)].map((user) => [user.id, user]),
  );
  return {
    count,
    last_at: later.at(-1)?.created_at ?? counted.last_at,
    users: [...users.values()].slice(0, MOST_FACES),
  };
}
