// All that can be done with a message, as its menu lists it: opened by its button, a right click, a long press or keys.
// Not for: doing it (net/), nor what asks or tells more (about.tsx).
import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import { t } from "../i18n/en";
import { togglePin } from "../net/acts";
import { reasonOf } from "../net/api";
import { isSaved, toggleSaved } from "../net/saved";
import type { Chat, Message } from "../state/types";
import { about, composing, showToast } from "../store";
import { fullTimeOf } from "./format";
import { Icon, type IconName } from "./icons";
import { Quick } from "./quick";
import { InThread, openThread } from "./threadline";

interface Props {
  message: Message;
  mine: boolean;
  chat: Chat;
  close: () => void;
}

export function Actions({ message, mine, chat, close }: Props) {
  const thread = useContext(InThread);
  const owns = mine || chat.role === "owner";
  const reply = () => {
    composing.value = { kind: "reply", message, thread };
  };
  const edit = () => {
    composing.value = { kind: "edit", message, thread };
  };
  const ask = (kind: "delete" | "history" | "seen" | "why") => () => {
    about.value = { kind, message };
  };
  const link = () => void copy(`${location.origin}/c/${chat.id}/${message.seq}`, t.linkCopied);
  const act = (icon: IconName, words: string, onClick: () => void, look?: string) => (
    <Act {...{ icon, close, onClick, look }}>{words}</Act>
  );
  return (
    <>
      <div class="quick only-touch">
        <Quick message={message} close={close} />
      </div>
      {act("reply", t.reply, reply, "only-touch")}
      {!thread && act("thread", t.inThread, () => openThread(message), "only-touch")}
      {message.text && act("copy", t.copy, () => void copy(message.text, t.copied))}
      {act("link", t.copyLink, link)}
      {act("pin", message.pinned ? t.unpin : t.pin, () => told(togglePin(message)))}
      {act("saved", isSaved(message.id) ? t.unsave : t.keep, () => told(toggleSaved(message.id)))}
      {mine && message.text && act("edit", t.edit, edit)}
      {mine && chat.kind === "group" && act("tick", t.whoSaw, ask("seen"))}
      {!mine && act("bell", t.whyNotified, ask("why"))}
      {owns && message.edited_at && act("clock", t.history, ask("history"))}
      {owns && act("trash", t.remove, ask("delete"), "danger")}
      <p class="when">
        <time dateTime={message.created_at}>{fullTimeOf(message.created_at)}</time>
      </p>
    </>
  );
}

interface ActProps {
  icon: IconName;
  close: () => void;
  onClick: () => void;
  look: string | undefined;
  children: ComponentChildren;
}

function Act({ icon, close, onClick, look, children }: ActProps) {
  const act = () => {
    close();
    onClick();
  };
  return (
    <button type="button" class={look} onClick={act}>
      <Icon name={icon} /> {children}
    </button>
  );
}

function told(done: Promise<string>): void {
  done.then(showToast, (error) => showToast(reasonOf(error)));
}

async function copy(text: string, told: string): Promise<void> {
  await navigator.clipboard?.writeText(text);
  showToast(told);
}
