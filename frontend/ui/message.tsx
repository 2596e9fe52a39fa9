// One message, stored or on its way. Not for: its pictures (pictures.tsx) and buttons (tools.tsx).
import { useContext, useEffect } from "preact/hooks";
import { t } from "../i18n/en";
import { leaving, undelete } from "../net/deleting";
import type { Carrier } from "../net/presses";
import { askQuoted, unseen } from "../net/quoted";
import { isSaved } from "../net/saved";
import { discardMessage, retryMessage } from "../net/sender";
import { messageIn } from "../state/log";
import type { Pending } from "../state/outbox";
import { plain } from "../state/plain";
import type { Item } from "../state/timeline";
import type { Attachment, Chat, Message } from "../state/types";
import { about, jump, logOf, me, signedOut } from "../store";
import { Avatar } from "./avatar";
import { Cards, framed } from "./cards";
import { Files } from "./files";
import { Fold, mayBeLong } from "./fold";
import { attachedTo, fullTimeOf, nameOf, timeOf } from "./format";
import { Icon } from "./icons";
import { Pictures } from "./pictures";
import { notePress, openOnContext, openOnLongPress } from "./pressing";
import { Reactions } from "./reactions";
import { Receipt } from "./receipt";
import { Rendered } from "./rendered";
import { InThread, ThreadLine } from "./threadline";
import { Tools } from "./tools";

type Spoken = Extract<Item, { head: boolean }>;

// With flags, which are pairs of letters of their own, and keycaps.
const ONLY_EMOJI =
  /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[#*0-9]\ufe0f?\u20e3|\u200d|\ufe0f|\s){1,24}$/u;

/** `newest`: the newest one of one's own that was sent. One component for both, so that a message keeps its element when the server's copy takes its place. */
export function MessageRow({ item, chat, newest = false }: { item: Spoken; chat: Chat; newest?: boolean }) {
  const pending = item.kind === "pending" ? item.pending : null;
  const stored = item.kind === "message" ? item.message : asMessage(item.pending);
  const going = leaving.value.has(stored.id);
  const message = going ? { ...stored, deleted: true } : stored;
  const mine = message.author.id === me.value.id;
  return (
    <article
      class={`message ${mine ? "mine" : "theirs"} ${item.head ? "head" : ""} ${item.tail ? "tail" : ""}`}
      data-seq={item.kind === "message" ? item.seq : undefined}
      data-state={stateOf(pending)}
      tabIndex={-1}
      aria-label={label(message, pending)}
      onContextMenu={openOnContext}
      onPointerDown={notePress}
      onPointerUp={openOnLongPress}
    >
      {!mine && item.head && <Face message={message} />}
      <div class="said">
        {item.head && <Head message={message} mine={mine} />}
        <div class="with-tools">
          <div class={`bubble ${bare(message) ? "bare" : ""}`}>
            {message.deleted ? (
              <Gone message={going ? stored : null} />
            ) : (
              <Body message={message} mine={mine} owns={mine || chat.role === "owner"} />
            )}
          </div>
          <Marks message={message} />
          {!pending && !message.deleted && (
            <Tools message={message} mine={mine} chat={chat} time={item.head ? null : message.created_at} />
          )}
        </div>
        {!message.deleted && <Reactions message={message} />}
        {item.kind === "message" && <ThreadLine message={message} />}
        {pending?.state === "failed" && <Failed clientId={pending.client_id} reason={pending.error} />}
        {pending?.state === "sending" && <p class="state">{t.sending}</p>}
        {newest && !message.deleted && <Receipt message={message} chat={chat} />}
      </div>
    </article>
  );
}

function asMessage(pending: Pending): Message {
  const { client_id, chat_id, text, attachments, reply_to, created_at } = pending;
  const given = { client_id, chat_id, text, attachments, reply_to, created_at };
  const unset = { seq: 0, via: null, html: "", cards: [], reactions: [], edited_at: null, deleted: false };
  return { id: client_id, author: me.value, ...given, ...unset };
}

/** On the edge of its bubble; the message's label says the same in words. */
function Marks({ message }: { message: Message }) {
  const saved = isSaved(message.id);
  if (message.deleted || !(message.pinned || saved)) return null;
  return (
    <span class="kept" aria-hidden="true">
      {message.pinned && <Icon name="pin" />}
      {saved && <Icon name="saved" />}
    </span>
  );
}

function stateOf(pending: Pending | null): string {
  if (!pending) return "sent";
  return pending.state === "failed" ? "failed" : "pending";
}

function Failed({ clientId, reason }: { clientId: string; reason: string | null }) {
  return (
    <p class="state failed" role="alert">
      <Icon name="warning" />
      <span>
        {t.notSent} {reason}
      </span>
      <button type="button" onClick={() => retryMessage(clientId)}>
        {t.retry}
      </button>
      <button type="button" onClick={() => discardMessage(clientId)}>
        {t.discard}
      </button>
    </p>
  );
}

export function Face({ message }: { message: Message }) {
  // Not the icon that a bot's sender gave: loading it would tell its server who reads this.
  return <Avatar of={{ ...message.author, name: nameOf(message.author) }} size="small" />;
}

export function Head({ message, mine }: { message: Message; mine: boolean }) {
  const time = (
    <time dateTime={message.created_at} data-tip={fullTimeOf(message.created_at)}>
      {timeOf(message.created_at)}
    </time>
  );
  if (mine) return <p class="who mine-time">{time}</p>;
  return (
    <p class="who">
      <bdi class="name">{nameOf(message.author)}</bdi>
      {message.author.kind === "bot" && <span class="badge accent">{t.bot}</span>}
      {message.via?.name && <bdi class="dim">{t.via(message.via.name)}</bdi>}
      {time}
    </p>
  );
}

/** `message`: what can still be brought back. */
function Gone({ message }: { message: Message | null }) {
  return (
    <p class="gone">
      {t.deleted}
      {message && (
        <button type="button" class="undo" tabIndex={-1} onClick={() => undelete(message)}>
          {t.undo}
        </button>
      )}
    </p>
  );
}

/** `owns`: whether one may see what it said before. */
function Body({ message, mine, owns }: { message: Message; mine: boolean; owns: boolean }) {
  const thread = useContext(InThread);
  const said = <Said message={message} />;
  return (
    <>
      {message.reply_to && message.reply_to !== thread && (
        <Quote id={message.reply_to} chatId={message.chat_id} />
      )}
      {mayBeLong(message.text) ? <Fold>{said}</Fold> : said}
      <Pictures message={message} mine={mine} />
      <Files list={of(message, "file")} message={mine ? message : null} />
      {message.edited_at && <Edited message={message} at={message.edited_at} owns={owns} />}
    </>
  );
}

const of = (message: Message, kind: Attachment["kind"]): Attachment[] =>
  message.attachments.filter((each) => each.kind === kind);

function Edited({ message, at, owns }: { message: Message; at: string; owns: boolean }) {
  const when = fullTimeOf(at);
  if (!owns)
    return (
      <span class="edited" title={when}>
        {t.edited}
      </span>
    );
  const show = () => {
    about.value = { kind: "history", message };
  };
  return (
    <button
      type="button"
      class="edited"
      tabIndex={-1}
      title={when}
      aria-label={t.editedBefore}
      onClick={show}
    >
      {t.edited}
    </button>
  );
}

export function Said({ message, kind = "messages" }: { message: Message; kind?: Carrier["kind"] }) {
  const { id, cards, text, html } = message;
  if (cards.length > 0) return <Cards list={cards} carrier={{ kind, id }} />;
  if (!text) return null;
  const big = ONLY_EMOJI.test(text) ? "big" : "";
  return html ? <Rendered html={html} class={big} /> : <div class={`text plain ${big}`}>{text}</div>;
}

/** Two lines high whatever it knows, so that nothing moves when the words come. */
function Quote({ id, chatId }: { id: string; chatId: string }) {
  const log = logOf(chatId).value;
  const quoted = log && messageIn(log, id);
  const hidden = unseen.value.has(id);
  const lacking = !!log && !quoted && !hidden && !signedOut.value;
  useEffect(() => {
    if (lacking) askQuoted(chatId, id);
  }, [lacking]);
  return (
    <button
      type="button"
      class="quote"
      tabIndex={-1}
      onClick={() => {
        jump.value = { chatId, messageId: id };
      }}
    >
      <bdi class="name">{quoted ? nameOf(quoted.author) : t.repliedEarlier}</bdi>
      <bdi class="preview">{quoted ? lineOf(quoted) : hidden && t.unseen}</bdi>
    </button>
  );
}

const lineOf = (quoted: Message): string =>
  quoted.deleted ? t.deletedLine : plain(quoted.text) || attachedTo(quoted);

export function bare(message: Message): boolean {
  if (message.deleted || message.reply_to) return false;
  if (message.cards.length > 0) return message.cards.every(framed);
  return message.text ? ONLY_EMOJI.test(message.text) : message.attachments.length > 0;
}

function label(message: Message, pending: Pending | null): string {
  const text = message.deleted ? t.deleted : plain(message.text) || attachedTo(message);
  const unsent = pending?.state === "failed" ? t.notSent : t.sending;
  const marks = [message.edited_at && t.edited, message.pinned && t.pinned, isSaved(message.id) && t.isSaved];
  const more = pending ? unsent : message.deleted ? "" : marks.filter(Boolean).join(", ");
  return t.label(nameOf(message.author), text, timeOf(message.created_at), more);
}
