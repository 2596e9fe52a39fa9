// The chats that were opened last, kept in the browser. Not for: where one was in them (route.ts).
import { effect, signal } from "@preact/signals";
import { visited } from "./state/visited";
import { me, openId } from "./store";

/** Ids, the one opened last first. */
export const recent = signal<readonly string[]>([]);

/** Follows what is opened from now on. */
export function watchRecent(): void {
  const key = `infitalks.recent.${me.value.id}`;
  recent.value = read(key);
  effect(() => {
    if (!openId.value) return;
    recent.value = visited(recent.peek(), openId.value);
    localStorage.setItem(key, JSON.stringify(recent.peek()));
  });
}

function read(key: string): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}
