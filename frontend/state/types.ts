// The shapes that the server sends and takes (its schemas/, design of the API). Not for: what only the page knows.

export interface User {
  id: string;
  username: string;
  display_name: string;
  avatar_url: string | null;
  kind: "person" | "bot";
}

/** How this user wants pages, wherever they sign in. */
export interface Preferences {
  /** Else Enter is a new line, and Ctrl or Cmd with it sends. */
  enter_sends: boolean;
  /** Others see how far one has read. */
  read_receipts: boolean;
  keywords: string[];
  /** HH:MM by the clock of `time_zone`. */
  quiet_from: string | null;
  quiet_to: string | null;
  /** Null: never chosen. */
  time_zone: string | null;
  quiet_until: string | null;
  /** Notifications of the browser, where it may show them, and with a sound. */
  desktop: boolean;
  sound: boolean;
}

/** The user whose page this is. */
export type Self = User & { preferences: Preferences };

export interface Attachment {
  id: string;
  kind: "picture" | "file";
  state: "processing" | "ready" | "failed";
  reason: string | null;
  name: string;
  /** What it shows, in its sender's words; "" where nothing is said. */
  alt: string;
  content_type: string;
  bytes: number;
  url: string | null;
  thumb_url: string | null;
  /** Its first frame, where it moves. */
  still_url: string | null;
  width: number | null;
  height: number | null;
  placeholder: string | null;
}

/** A name and picture that an incoming webhook asked for; shown beside its bot, never as the author. */
export interface Via {
  name: string | null;
  icon_url: string | null;
  icon_emoji: string | null;
}

/** `text` is Markdown, `html` the same, safe to show; `short` ones stand side by side. */
export interface CardField {
  title: string;
  text: string;
  html: string;
  short: boolean;
}

/** What is asked before a button is pressed; plain text. */
export interface Question {
  title: string;
  text: string;
  ok: string;
  dismiss: string;
}

/** With `url` a link; with `id` it is told to the bot; with neither it leads nowhere. */
export interface CardButton {
  text: string;
  url: string | null;
  style: "default" | "primary" | "danger";
  id: string | null;
  confirm: Question | null;
}

/** The rich part of a message; all of it is text but `html` and `footer_html`, and all addresses are http(s). */
export interface Card {
  /** #rrggbb */
  color: string | null;
  author: { name: string; url: string | null; icon_url: string | null } | null;
  title: string;
  url: string | null;
  text: string;
  html: string;
  fields: CardField[];
  image_url: string | null;
  image_alt: string;
  thumb_url: string | null;
  footer: string;
  footer_html: string;
  at: string | null;
  buttons: CardButton[];
}

export interface Reaction {
  emoji: string;
  users: string[];
}

/** What followed on a thread's first message, as the chat's entry `as_of` left it. */
export interface Replies {
  count: number;
  last_at: string;
  /** The first three. */
  users: User[];
  as_of: number;
}

export interface Message {
  id: string;
  chat_id: string;
  seq: number;
  author: User;
  via: Via | null;
  text: string;
  html: string;
  /** The users whom the text calls by name. */
  mentions?: string[];
  /** It calls all members. */
  mentions_all?: boolean;
  /** Where there are any, they are shown alone: `text` says all of it once more, for previews. */
  cards: Card[];
  attachments: Attachment[];
  /** A message's id. */
  reply_to: string | null;
  /** Of a reply: the first message of its thread. */
  thread?: string | null;
  /** Of a thread's first message, but not in live events. */
  replies?: Replies | null;
  reactions: Reaction[];
  /** Who pinned it for all members, and when. */
  pinned?: { by: User; at: string } | null;
  edited_at: string | null;
  deleted: boolean;
  created_at: string;
  client_id: string;
}

/** A word to one user alone. It stands after the chat's entry `seq` and is none itself; kept a day at most. */
export interface Ephemeral {
  id: string;
  chat_id: string;
  seq: number;
  author: User;
  via: Via | null;
  text: string;
  html: string;
  cards: Card[];
  at: string;
}

/** What can be called by a slash and its name; `bot` null: built in. */
export interface Command {
  name: string;
  usage: string;
  description: string;
  bot: User | null;
}

/** A line for the chat list; `text` may be cut, `attachments` is how many there are. */
export interface LastMessage {
  id: string;
  seq: number;
  author: User;
  text: string;
  attachments: number;
  /** So many of the attachments are no pictures. */
  files: number;
  deleted: boolean;
  created_at: string;
}

export type Role = "owner" | "member";

interface EntryBase {
  chat_id: string;
  seq: number;
  n: number;
  at: string;
  author: User;
}

export type MessageEntry = EntryBase & {
  kind: "message" | "edit" | "delete" | "reaction" | "pin" | "media";
  message: Message;
};
export type MemberEntry = EntryBase & {
  kind: "member";
  action: "created" | "added" | "removed" | "left" | "role";
  user: User | null;
  role: Role | null;
};
export type ChatEntry = EntryBase & {
  kind: "chat";
  changes: { name?: string | null; topic?: string | null; retention_days?: number | null };
};
export type Entry = MessageEntry | MemberEntry | ChatEntry;

/** Whether an entry is about a message and so carries it. */
export function aboutMessage(entry: Entry): entry is MessageEntry {
  return entry.kind !== "member" && entry.kind !== "chat";
}

export interface Chat {
  id: string;
  kind: "direct" | "group";
  name: string;
  topic: string;
  avatar_url: string | null;
  /** The other person of a direct chat. */
  other: User | null;
  /** Whether that person was here when this was asked; events tell of changes. */
  online: boolean;
  /** Here, but not at it. */
  away: boolean;
  member_count: number;
  role: Role;
  last_seq: number;
  last_message: LastMessage | null;
  last_at: string;
  read_seq: number;
  unread: number;
  /** Unread messages that ask for this user by name. */
  mentions?: number;
  muted: boolean;
  favourite: boolean;
  /** Of which messages it notifies; null: as its size says. */
  level: "all" | "mentions" | "none" | null;
}

export interface Member {
  user: User;
  role: Role;
  /** Null: not told. */
  read_seq: number | null;
  online: boolean;
  away: boolean;
}

export type ChatDetail = Chat & { members: Member[] };

/**
 * `through`: asked with `after`, the page is complete up to it, otherwise down to it, whatever the caller may not
 * see in between. `last_seq`: the newest entry when the page was read.
 */
export interface LogPage {
  entries: Entry[];
  through: number;
  has_more: boolean;
  last_seq: number;
}

/** `host` null: the page's own host; hosted Pusher: `host` and `port` null, `cluster` set. */
export interface RealtimeConfig {
  key: string;
  cluster: string | null;
  host: string | null;
  port: number | null;
  tls: boolean;
  channels: string[];
}

export interface Boot {
  user: Self;
  csrf_token: string;
  version: string;
  /** In bytes, of a file that is no picture. */
  largest_file: number;
  is_admin: boolean;
  /** What others were last told of this user. */
  away: boolean;
  realtime: RealtimeConfig;
  chats: { chats: Chat[]; next: string | null };
  chat: ChatDetail | null;
  log: LogPage | null;
  ephemerals: Ephemeral[];
}
