// The rich parts of a message, in the order of schemas/cards.py; templates/cards.html shows the same without script.
// Pictures are links: loading one would tell its host who reads. Not for: plain messages (message.tsx).
import { t } from "../i18n/en";
import type { Carrier } from "../net/presses";
import type { Card, CardField } from "../state/types";
import { CardButtons } from "./cardbuttons";
import { dayName, fullTimeOf, timeOf } from "./format";
import { Icon } from "./icons";
import { Rendered } from "./rendered";
import { To } from "./to";

export function Cards({ list, carrier }: { list: Card[]; carrier: Carrier }) {
  return (
    <div class="cards">
      {list.map((card, index) =>
        framed(card) ? (
          <Framed key={index} card={card} carrier={carrier} />
        ) : (
          <Rendered key={index} html={card.html} />
        ),
      )}
    </div>
  );
}

/** Whether it has more than words; words alone are shown as those of any message. */
export function framed(card: Card): boolean {
  const { color, author, title, fields, image_url, thumb_url, footer, at, buttons } = card;
  const parts = [color, author, title, fields.length, image_url, thumb_url, footer, at, buttons.length];
  return parts.some(Boolean);
}

function Framed({ card, carrier }: { card: Card; carrier: Carrier }) {
  return (
    <div class="card">
      {card.color && <svg class="stripe" style={{ color: card.color }} aria-hidden="true" />}
      {card.author && (
        <p class="card-author" dir="auto">
          <To url={card.author.url} words={card.author.name} />
        </p>
      )}
      {card.title && (
        <p class="card-title" dir="auto">
          <To url={card.url} words={card.title} />
        </p>
      )}
      {card.html && <Rendered html={card.html} />}
      {card.fields.length > 0 && <Fields list={card.fields} />}
      <Picture url={card.image_url} alt={card.image_alt} />
      <Picture url={card.thumb_url} alt={card.image_url ? "" : card.image_alt} />
      <Foot html={card.footer_html} at={card.at} />
      {card.buttons.length > 0 && <CardButtons list={card.buttons} carrier={carrier} />}
    </div>
  );
}

function Fields({ list }: { list: CardField[] }) {
  return (
    <ul class="fields">
      {list.map((field, index) => (
        <li key={index} class={field.short ? "short" : ""}>
          {field.title && <b dir="auto">{field.title}</b>}
          {field.html && <Rendered html={field.html} />}
        </li>
      ))}
    </ul>
  );
}

function Picture({ url, alt }: { url: string | null; alt: string }) {
  if (!url) return null;
  return (
    <p class="card-picture">
      <Icon name="picture" />
      <To url={url} words={alt ? t.pictureOf(alt) : t.picture(1)} />
    </p>
  );
}

function Foot({ html, at }: { html: string; at: string | null }) {
  if (!html && !at) return null;
  return (
    <div class="card-foot">
      {html && <Rendered html={html} />}
      {at && (
        <time dateTime={at} title={fullTimeOf(at)}>
          {dayName(at)}, {timeOf(at)}
        </time>
      )}
    </div>
  );
}
