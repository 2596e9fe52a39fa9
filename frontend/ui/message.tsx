// One message, stored or on its way. Not for: its pictures (pictures.tsx) and buttons (tools.tsx).
import type { ComponentChildren } from "preact";
import { t } from "../i18n/en";
import { discardMessage, retryMessage } from "../net/sender";
import type { Item } from "../state/timeline";
import type { Chat, Message } from "../state/types";
import { jump, logOf, me } from "../store";
import { Avatar } from "./avatar";
import { fullTimeOf, nameOf, timeOf } from "./format";
import { Icon } from "./icons";
import { Pictures } from "./pictures";
import { Reactions } from "./reactions";
import { Tools } from "./tools";

type Stored = Extract<Item, { kind: "message" }>;
type OnItsWay = Extract<Item, { kind: "pending" }>;

const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u200d|\ufe0f|\s){1,12}$/u;

export function MessageRow({ item, chat }: { item: Stored; chat: Chat }) {
  const { message, seq } = item;
  const mine = message.author.id === me.value.id;
  return (
    <article
      class={classes(item, mine)}
      data-seq={seq}
      data-state="sent"
      tabIndex={-1}
      aria-label={label(message)}
    >
      {!mine && item.head && <Face message={message} />}
      <div class="said">
        {item.head && <Head message={message} mine={mine} />}
        <div class="with-tools">
          <Bubble bare={bare(message)}>
            <Body message={message} mine={mine} />
          </Bubble>
          {!message.deleted && <Tools message={message} mine={mine} chat={chat} />}
        </div>
        {!message.deleted && <Reactions message={message} />}
      </div>
    </article>
  );
}

export function PendingRow({ item }: { item: OnItsWay; chat: Chat }) {
  const { pending } = item;
  const failed = pending.state === "failed";
  return (
    <article
      class={classes(item, true)}
      data-state={failed ? "failed" : "pending"}
      tabIndex={-1}
      aria-label={t.label(t.you, pending.text, failed ? t.notSent : t.sending, "")}
    >
      <div class="said">
        {item.head && <p class="who mine-time">{timeOf(pending.created_at)}</p>}
        <div class="with-tools">
          <Bubble bare={false}>
            {pending.reply_to && <Quote id={pending.reply_to} chatId={pending.chat_id} />}
            {pending.text && <Text text={pending.text} html="" />}
            <Pictures list={pending.attachments} message={null} />
          </Bubble>
        </div>
        {failed ? (
          <Failed clientId={pending.client_id} reason={pending.error} />
        ) : (
          <p class="state">{t.sending}</p>
        )}
      </div>
    </article>
  );
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

function Face({ message }: { message: Message }) {
  const { author, via } = message;
  return (
    <Avatar
      of={{ ...author, name: nameOf(author), avatar_url: via?.icon_url ?? author.avatar_url }}
      size="small"
    />
  );
}

function Head({ message, mine }: { message: Message; mine: boolean }) {
  const time = (
    <time dateTime={message.created_at} title={fullTimeOf(message.created_at)}>
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

function Bubble({ bare, children }: { bare: boolean; children: ComponentChildren }) {
  return <div class={`bubble ${bare ? "bare" : ""}`}>{children}</div>;
}

function Body({ message, mine }: { message: Message; mine: boolean }) {
  if (message.deleted) return <p class="gone">{t.deleted}</p>;
  return (
    <>
      {message.reply_to && <Quote id={message.reply_to} chatId={message.chat_id} />}
      {message.text && <Text text={message.text} html={message.html} />}
      <Pictures list={message.attachments} message={mine ? message : null} />
      {message.edited_at && (
        <span class="edited" title={fullTimeOf(message.edited_at)}>
          {t.edited}
        </span>
      )}
    </>
  );
}

/** The server's HTML, made and sanitised by integrations/markdown.py; plain text until it is known. */
function Text({ text, html }: { text: string; html: string }) {
  const big = ONLY_EMOJI.test(text) ? "big" : "";
  if (!html) return <div class={`text plain ${big}`}>{text}</div>;
  return <div class={`text ${big}`} dir="auto" dangerouslySetInnerHTML={{ __html: html }} />;
}

function Quote({ id, chatId }: { id: string; chatId: string }) {
  const quoted = logOf(chatId).value?.rows.find((row) => row.message?.id === id)?.message;
  const title = quoted ? nameOf(quoted.author) : t.repliedEarlier;
  return (
    <button
      type="button"
      class="quote"
      tabIndex={-1}
      onClick={() => {
        jump.value = { chatId, messageId: id };
      }}
    >
      <bdi class="name">{title}</bdi>
      {quoted && <bdi class="preview">{quoted.deleted ? t.deletedLine : quoted.text || t.picture(1)}</bdi>}
    </button>
  );
}

function classes(item: Stored | OnItsWay, mine: boolean): string {
  return `message ${mine ? "mine" : "theirs"} ${item.head ? "head" : ""} ${item.tail ? "tail" : ""}`;
}

function bare(message: Message): boolean {
  if (message.deleted || message.reply_to) return false;
  return message.text ? ONLY_EMOJI.test(message.text) : message.attachments.length > 0;
}

function label(message: Message): string {
  const text = message.deleted ? t.deleted : message.text || t.picture(message.attachments.length);
  return t.label(nameOf(message.author), text, timeOf(message.created_at), message.edited_at ? t.edited : "");
}
