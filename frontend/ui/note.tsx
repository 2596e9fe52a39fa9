// A line about the chat itself: who came, went, or changed its name. Not for: messages.
import { t } from "../i18n/en";
import type { Row } from "../state/log";
import type { ChatEntry, MemberEntry } from "../state/types";
import { me } from "../store";
import { fullTimeOf, nameOf } from "./format";

export function Note({ row }: { row: Row }) {
  const { entry } = row;
  if (entry.kind !== "member" && entry.kind !== "chat") return null;
  const text = entry.kind === "member" ? memberText(entry) : chatText(entry);
  return (
    <p class="note" data-seq={row.seq} title={fullTimeOf(entry.at)}>
      <bdi>{text}</bdi>
    </p>
  );
}

function memberText(entry: MemberEntry): string {
  const who = called(entry.author.id, nameOf(entry.author));
  const whom = entry.user ? called(entry.user.id, nameOf(entry.user)) : "";
  const alone = !entry.user || entry.user.id === entry.author.id;
  switch (entry.action) {
    case "created":
      return t.created(who);
    case "added":
      return alone ? t.joined(who) : t.added(who, whom);
    case "removed":
      return alone ? t.leftChat(who) : t.removed(who, whom);
    case "left":
      return t.leftChat(whom || who);
    case "role":
      return entry.role === "owner" ? t.madeOwner(who, whom) : t.madeMember(who, whom);
  }
}

function chatText(entry: ChatEntry): string {
  const who = called(entry.author.id, nameOf(entry.author));
  const { name, topic, retention_days: days } = entry.changes;
  if (name) return t.renamed(who, name);
  if (days !== undefined) return t.keptFor(who, days);
  if (topic === undefined) return t.changedChat(who);
  return topic ? t.topicSet(who, topic) : t.topicCleared(who);
}

const called = (id: string, name: string) => (id === me.value.id ? t.you : name);
