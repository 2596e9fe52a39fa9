// What is offered while a command, a person, a chat or an emoji is typed: a listbox that the composer's field controls.
// Not for: what there is to choose from (choices.ts), nor running commands (net/commands.ts).
import type { ComponentChild, RefObject } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { commandsOf } from "../net/commands";
import { begunOf, isWhole } from "../state/commands";
import { typedAt } from "../state/completion";
import { composing } from "../state/keys";
import type { Command } from "../state/types";
import { Avatar, ChatAvatar } from "./avatar";
import { type Choice, choicesFor, commandChoices, nameOfList, prepare } from "./choices";
import { replace } from "./field";
import { nameOf } from "./format";

interface Offer {
  options: readonly Choice[];
  active: number;
  move: (index: number) => void;
  pick: (choice: Choice) => void;
  close: () => void;
  id: string;
}

type Area = RefObject<HTMLTextAreaElement | null>;

/** What to offer for the text in `area`; `text` null: nothing. `orders`: whether it may be a command. */
export function useOffer(chatId: string, text: string | null, area: Area, orders: boolean): Offer {
  const id = useId();
  const [at, setAt] = useState({ text: "", index: 0 });
  const [closed, setClosed] = useState<string | null>(null);
  const caret = useCaret(area);
  const typed = text === null || text === closed || caret === null ? null : typedAt(text, caret);
  useEffect(() => prepare(chatId, text ?? "", typed), [chatId, text?.[0], typed?.kind, typed?.typed]);
  const commands = !orders || text === null || text === closed ? [] : commandChoices(chatId, text);
  const options = commands.length === 0 && typed ? choicesFor(chatId, typed) : commands;
  const active = at.text === text ? Math.min(at.index, options.length - 1) : 0;
  const pick = (choice: Choice) => {
    const { start, end } = choice.kind === "command" || !typed ? { start: 0, end: text?.length ?? 0 } : typed;
    replace(area.current, start, end, choice.insert());
    setClosed(area.current?.value ?? null);
  };
  const move = (index: number) =>
    setAt({ text: text ?? "", index: (index + options.length) % options.length });
  return { options, active, move, pick, close: () => setClosed(text), id };
}

/** Where the caret of the field is, or null where something is chosen; as it is now, not as it was drawn. */
function useCaret(area: Area): number | null {
  const [, draw] = useState(0);
  useEffect(() => {
    const moved = () => {
      if (document.activeElement === area.current) draw(area.current?.selectionStart ?? 0);
    };
    document.addEventListener("selectionchange", moved);
    return () => document.removeEventListener("selectionchange", moved);
  }, []);
  const field = area.current;
  return field && field.selectionStart === field.selectionEnd ? field.selectionStart : null;
}

/** Handles a key that is the list's, and says whether it was. */
export function walkOffer(offer: Offer, event: KeyboardEvent, text: string): boolean {
  const choice = offer.options[offer.active];
  if (!choice || composing(event) || event.shiftKey || event.ctrlKey || event.metaKey) return false;
  if (event.key === "Enter" && choice.kind === "command" && isWhole(text, choice.command)) return false;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) offer.move(offer.active + step);
  else if (event.key === "Enter" || event.key === "Tab") offer.pick(choice);
  else if (event.key === "Escape") offer.close();
  else return false;
  event.preventDefault();
  return true;
}

/**
 * What makes the field the list's combobox, as long as there is something to offer. The types know no such textarea;
 * screen readers do, and in all other moments it is a plain one.
 */
export function comboOf({ options, active, id }: Offer): object {
  if (options.length === 0) return {};
  return {
    role: "combobox",
    "aria-expanded": true,
    "aria-autocomplete": "list",
    "aria-controls": id,
    "aria-activedescendant": `${id}-${active}`,
  };
}

export function Suggestions({ offer }: { offer: Offer }) {
  const { options, active, id } = offer;
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(
    () => list.current?.children[active]?.scrollIntoView({ block: "nearest" }),
    [active, options.length],
  );
  if (options.length === 0) return null;
  return (
    <div ref={list} id={id} class="offer" role="listbox" aria-label={nameOfList(options)}>
      {options.map((choice, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the focus stays in the field, which has the keys (walkOffer).
        <div
          key={choice.key}
          id={`${id}-${index}`}
          class={choice.kind === "command" ? "" : "named"}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          // Not to take the focus from the field.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => offer.pick(choice)}
        >
          <Option choice={choice} />
        </div>
      ))}
    </div>
  );
}

function Option({ choice }: { choice: Choice }) {
  if (choice.kind === "command") return <CommandOption {...choice.command} />;
  if (choice.kind === "emoji")
    return (
      <Line sign={<span class="glyph">{choice.emoji.emoji}</span>} name={`:${choice.emoji.names[0]}:`} />
    );
  if (choice.kind === "chat")
    return <Line sign={<ChatAvatar chat={choice.chat} />} name={choice.chat.name} more={choice.chat.topic} />;
  if (choice.kind === "everybody")
    return <Line sign={<span class="glyph">@</span>} name="@all" more={t.everybody(choice.count)} />;
  const { user, here } = choice;
  const shown = { ...user, name: nameOf(user) };
  const more = here ? `@${user.username}` : `@${user.username} · ${t.notHere}`;
  return <Line sign={<Avatar of={shown} size="small" userId={user.id} />} name={shown.name} more={more} />;
}

function Line({ sign, name, more = "" }: { sign: ComponentChild; name: string; more?: string }) {
  return (
    <>
      {sign}
      <span class="call">
        <b>
          <bdi>{name}</bdi>
        </b>{" "}
        <bdi>{more}</bdi>
      </span>
    </>
  );
}

function Call({ name, usage }: Command) {
  return (
    <span class="call">
      <b>/{name}</b> <bdi>{usage}</bdi>
    </span>
  );
}

function CommandOption(command: Command) {
  const { description, bot } = command;
  return (
    <>
      <Call {...command} />
      {bot && (
        <span class="whose">
          <bdi>{nameOf(bot)}</bdi> <span class="badge accent">{t.bot}</span>
        </span>
      )}
      {description && <bdi class="about-it">{description}</bdi>}
    </>
  );
}

/** How the command is called whose arguments are being typed. */
export function Usage({ chatId, text }: { chatId: string; text: string }) {
  const command = begunOf(commandsOf(chatId).value, text);
  if (!command?.usage) return null;
  return (
    <p class="usage">
      <Call {...command} />
      <bdi class="about-it">{command.description}</bdi>
    </p>
  );
}
