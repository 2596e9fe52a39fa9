// Emoji to pick from: by group, by name, those used last, in a skin tone. Fetched when it is first opened: for a button
// with it, see emojibutton.tsx. Not for: the list itself (net/emojilist.ts).
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../i18n/emoji";
import { groups, search, used, all as whole } from "../net/emojilist";
import { type Emoji, inTone, recentEmoji, setTone, TONES, type Tone, toneOf } from "../state/emoji";
import { me } from "../store";

const MOST_FOUND = 120;
const HAND: Pick<Emoji, "emoji" | "toned"> = { emoji: "✋", toned: 1 };
/** One of each group, to show which it is. */
const SIGNS = ["😀", "👋", "🐻", "🍎", "🚗", "⚽", "💡", "🔣", "🏁"];
const RECENT = -1;

export function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState("");
  const [tone, setShownTone] = useState(() => toneOf(localStorage, me.value.id));
  const recent = useMemo(recentOf, []);
  const [group, setGroup] = useState<number | null>(null);
  const shownGroup = group ?? (recent.length > 0 ? RECENT : 0);
  const shown = useMemo(() => shownOf(recent, shownGroup, typed.trim()), [recent, shownGroup, typed]);
  useEffect(() => {
    field.current?.focus();
  }, []);
  const tint = (next: Tone) => {
    setTone(localStorage, me.value.id, next);
    setShownTone(next);
  };
  const pick = (emoji: Emoji) => onPick(used(emoji));
  return (
    <div class="emoji-picker">
      <input
        ref={field}
        type="search"
        aria-label={t.find}
        placeholder={t.find}
        autocomplete="off"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => fromField(event, grid, shown[0], pick)}
      />
      {!typed.trim() && (
        <Groups recent={recent.length > 0} shown={shownGroup} onShow={setGroup} names={t.groups} />
      )}
      <Grid {...{ grid, field, shown, tone, pick }} label={typed.trim() ? t.found : groupName(shownGroup)} />
      <Tones tone={tone} onTone={tint} />
    </div>
  );
}

const groupName = (group: number): string => (group === RECENT ? t.recent : (t.groups[group] ?? ""));

function recentOf(): Emoji[] {
  const kept = recentEmoji(localStorage, me.value.id);
  return kept.flatMap((emoji) => whole.find((each) => each.emoji === emoji) ?? []);
}

function shownOf(recent: Emoji[], group: number, typed: string): readonly Emoji[] {
  if (typed) return search(typed, MOST_FOUND);
  return group === RECENT ? recent : (groups[group] ?? []);
}

interface GroupsProps {
  recent: boolean;
  shown: number;
  names: readonly string[];
  onShow: (group: number) => void;
}

function Groups({ recent, shown, names, onShow }: GroupsProps) {
  const all = [...(recent ? [RECENT] : []), ...names.keys()];
  return (
    <div class="emoji-groups" role="group" aria-label={t.group} onKeyDown={walkRow}>
      {all.map((group) => (
        <button
          key={group}
          type="button"
          aria-pressed={group === shown}
          tabIndex={group === shown ? 0 : -1}
          aria-label={groupName(group)}
          title={groupName(group)}
          onClick={() => onShow(group)}
        >
          {group === RECENT ? "🕘" : SIGNS[group]}
        </button>
      ))}
    </div>
  );
}

interface GridProps {
  grid: RefObject<HTMLDivElement | null>;
  field: RefObject<HTMLInputElement | null>;
  shown: readonly Emoji[];
  tone: Tone;
  label: string;
  pick: (emoji: Emoji) => void;
}

function Grid({ grid, field, shown, tone, label, pick }: GridProps) {
  return (
    <div
      ref={grid}
      class="emoji-grid"
      role="group"
      aria-label={label}
      onKeyDown={(event) => walk(event, field)}
    >
      {shown.map((each, index) => (
        <button
          key={each.emoji}
          type="button"
          tabIndex={index === 0 ? 0 : -1}
          aria-label={each.label}
          title={`${each.label} :${each.names[0]}:`}
          onClick={() => pick(each)}
        >
          {inTone(each, tone)}
        </button>
      ))}
      {shown.length === 0 && <p class="nothing">{t.none}</p>}
    </div>
  );
}

function Tones({ tone, onTone }: { tone: Tone; onTone: (tone: Tone) => void }) {
  return (
    <div class="emoji-tones" role="group" aria-label={t.skinTone} onKeyDown={walkRow}>
      {TONES.map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={each === tone}
          tabIndex={each === tone ? 0 : -1}
          aria-label={t.skinTones[each]}
          title={t.skinTones[each]}
          onClick={() => onTone(each)}
        >
          {inTone(HAND, each)}
        </button>
      ))}
    </div>
  );
}

const buttonsOf = (box: EventTarget | null): HTMLElement[] => [
  ...((box as HTMLElement | null)?.querySelectorAll<HTMLElement>("button") ?? []),
];

function take(event: KeyboardEvent, next: HTMLElement | null | undefined): void {
  event.preventDefault();
  event.stopPropagation();
  next?.focus();
}

/** From the field down into the grid; Enter takes the first that was found. */
function fromField(
  event: KeyboardEvent,
  grid: RefObject<HTMLDivElement | null>,
  first: Emoji | undefined,
  pick: (emoji: Emoji) => void,
): void {
  if (event.isComposing) return;
  if (event.key === "ArrowDown") take(event, buttonsOf(grid.current)[0]);
  else if (event.key === "Enter") {
    take(event, null);
    if (first) pick(first);
  } else if (event.key.startsWith("Arrow")) event.stopPropagation();
}

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };

function walkRow(event: KeyboardEvent): void {
  const all = buttonsOf(event.currentTarget);
  const step = STEPS[event.key];
  if (step) take(event, all[(all.indexOf(event.target as HTMLElement) + step + all.length) % all.length]);
}

function walk(event: KeyboardEvent, field: RefObject<HTMLInputElement | null>): void {
  const all = buttonsOf(event.currentTarget);
  const top = all[0]?.offsetTop;
  const columns = all.findIndex((each) => each.offsetTop !== top);
  const row = columns < 0 ? all.length : columns;
  const now = all.indexOf(event.target as HTMLElement);
  const to = { ...STEPS, ArrowDown: row, ArrowUp: -row, Home: -now, End: all.length - 1 - now }[event.key];
  if (to !== undefined) take(event, now + to < 0 ? field.current : all[Math.min(now + to, all.length - 1)]);
}
