// The commands offered while one's name is typed: a listbox that the composer's field controls.
// Not for: running them (net/commands.ts).
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { commandsOf, learnCommands } from "../net/commands";
import { begunOf, completed, isWhole, suggested } from "../state/commands";
import { composing } from "../state/keys";
import type { Command } from "../state/types";
import { nameOf } from "./format";

interface Offer {
  options: readonly Command[];
  active: number;
  move: (index: number) => void;
  pick: (command: Command) => void;
  close: () => void;
  id: string;
}

/** What to offer for a text; `text` null: nothing. `write` gets the text of the command that was picked. */
export function useOffer(chatId: string, text: string | null, write: (text: string) => void): Offer {
  const id = useId();
  const [at, setAt] = useState({ text: "", index: 0 });
  const [closed, setClosed] = useState<string | null>(null);
  const slash = text?.startsWith("/") ?? false;
  useEffect(() => {
    if (slash) void learnCommands(chatId);
  }, [slash, chatId]);
  const all = commandsOf(chatId).value;
  const options = text === null || text === closed ? [] : suggested(all, text);
  const active = at.text === text ? Math.min(at.index, options.length - 1) : 0;
  const pick = (command: Command) => {
    setClosed(completed(command));
    write(completed(command));
  };
  const move = (index: number) =>
    setAt({ text: text ?? "", index: (index + options.length) % options.length });
  return { options, active, move, pick, close: () => setClosed(text), id };
}

/** Handles a key that is the list's, and says whether it was. */
export function walkOffer(offer: Offer, event: KeyboardEvent, text: string): boolean {
  const command = offer.options[offer.active];
  if (!command || composing(event) || event.shiftKey || event.ctrlKey || event.metaKey) return false;
  if (event.key === "Enter" && isWhole(text, command)) return false;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) offer.move(offer.active + step);
  else if (event.key === "Enter" || event.key === "Tab") offer.pick(command);
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
    <div ref={list} id={id} class="offer" role="listbox" aria-label={t.commands}>
      {options.map((command, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the focus stays in the field, which has the keys (walkOffer).
        <div
          key={command.name}
          id={`${id}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          // Not to take the focus from the field.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => offer.pick(command)}
        >
          <Option command={command} />
        </div>
      ))}
    </div>
  );
}

function Call({ name, usage }: Command) {
  return (
    <span class="call">
      <b>/{name}</b> <bdi>{usage}</bdi>
    </span>
  );
}

function Option({ command }: { command: Command }) {
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
