// What people do to messages and chats, shown at once and taken back where the server refuses.
// Not for: sending (net/sender.ts).
import { t } from "../i18n/en";
import { changeChat } from "../state/chats";
import { patchMessage } from "../state/log";
import type { Attachment, Chat, Message, User } from "../state/types";
import { changeLog, chats, me, pinTurns } from "../store";
import { call } from "./api";
import { takeChats } from "./sync";

/** Changes a message's text. Throws ApiError, after which the old text is back. */
export function editMessage(message: Message, text: string): Promise<void> {
  const edited_at = new Date().toISOString();
  // Plain until the server has rendered it; see ui/message.
  return attempt(message, { text, html: "", edited_at }, () =>
    call("PATCH", `/api/messages/${message.id}`, { text }),
  );
}

export function deleteMessage(message: Message): Promise<void> {
  return attempt(message, { deleted: true }, () => call("DELETE", `/api/messages/${message.id}`));
}

/** Sets or takes back one's own reaction. */
export function toggleReaction(message: Message, emoji: string): Promise<void> {
  const mine = message.reactions.find((each) => each.emoji === emoji)?.users.includes(me.value.id) ?? false;
  const path = `/api/messages/${message.id}/reactions/${encodeURIComponent(emoji)}`;
  const reactions = toggled(message, emoji, mine);
  return attempt(message, { reactions }, () => call(mine ? "DELETE" : "PUT", path));
}

/** Pins a message for all members, or takes the pin away; gives what to say then. Throws ApiError. */
export async function togglePin(message: Message): Promise<string> {
  const pinned = message.pinned ? null : { by: me.value, at: new Date().toISOString() };
  await attempt(message, { pinned }, () =>
    call(pinned ? "PUT" : "DELETE", `/api/messages/${message.id}/pin`),
  );
  pinTurns.value++;
  return pinned ? t.pinnedNow : t.unpinnedNow;
}

/** Has a failed picture processed again. */
export async function retryPicture(message: Message, id: string): Promise<void> {
  showPicture(message, id, await call<Attachment>("POST", `/api/media/${id}/retry`));
}

/** Says what a picture of one's own shows; "" takes the words away. Throws ApiError. */
export async function describePicture(message: Message, id: string, alt: string): Promise<void> {
  showPicture(message, id, await call<Attachment>("PATCH", `/api/media/${id}`, { alt }));
}

function showPicture(message: Message, id: string, again: Attachment): void {
  const attachments = message.attachments.map((each) => (each.id === id ? { ...each, ...again } : each));
  changeLog(message.chat_id, (log) => patchMessage(log, message.id, (now) => ({ ...now, attachments })));
}

/** Sets what a chat is to this user alone. Throws ApiError, after which it is as it was. */
export async function setOwn(chat: Chat, own: Partial<Pick<Chat, "muted" | "favourite">>): Promise<void> {
  const put = (now: Partial<Chat>) => {
    chats.value = changeChat(chats.value, chat.id, (known) => ({ ...known, ...now }));
  };
  put(own);
  try {
    await call("PATCH", `/api/chats/${chat.id}`, own);
  } catch (error) {
    put({ muted: chat.muted, favourite: chat.favourite });
    throw error;
  }
}

export async function findPeople(query: string): Promise<User[]> {
  const path = `/api/users?q=${encodeURIComponent(query)}`;
  const { users } = await call<{ users: User[] }>("GET", path);
  return users.filter((user) => user.id !== me.value.id && user.kind === "person");
}

export function startDirect(userId: string): Promise<Chat> {
  return created({ kind: "direct", user_id: userId });
}

export function startGroup(name: string, people: readonly User[]): Promise<Chat> {
  return created({ kind: "group", name, member_ids: people.map((user) => user.id) });
}

async function created(body: object): Promise<Chat> {
  const chat = await call<Chat>("POST", "/api/chats", body);
  takeChats([chat]);
  return chat;
}

async function attempt(
  message: Message,
  change: Partial<Message>,
  act: () => Promise<unknown>,
): Promise<void> {
  const patch = (part: Partial<Message>) =>
    changeLog(message.chat_id, (log) => patchMessage(log, message.id, (now) => ({ ...now, ...part })));
  patch(change);
  try {
    await act();
  } catch (error) {
    const kept = Object.keys(change) as (keyof Message)[];
    patch(Object.fromEntries(kept.map((key) => [key, message[key]])));
    throw error;
  }
}

function toggled(message: Message, emoji: string, mine: boolean): Message["reactions"] {
  const others = message.reactions.map((each) =>
    each.emoji === emoji ? { ...each, users: each.users.filter((id) => id !== me.value.id) } : each,
  );
  if (mine) return others.filter((each) => each.users.length > 0);
  const there = others.find((each) => each.emoji === emoji);
  if (!there) return [...others, { emoji, users: [me.value.id] }];
  return others.map((each) => (each === there ? { ...each, users: [...each.users, me.value.id] } : each));
}
