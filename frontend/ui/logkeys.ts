// Keys in the log, which is one Tab stop: arrows walk messages, Enter enters one's buttons, Esc goes back.

/** Handles a key press anywhere in the log. */
export function walkLog(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (target.closest("[popover], dialog, input")) return;
  const row = target.closest<HTMLElement>("article");
  if (event.key === "Escape") leave(target, row);
  // Wide code and tables are scrolled with the arrows.
  else if (target.matches("pre, table")) return;
  else if (row && target !== row && /^Arrow(Left|Right)$/.test(event.key)) beside(row, target, event);
  else if (row === target && event.key === "Enter") enter(row, event);
  else if (["ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) walk(event, row);
}

function walk(event: KeyboardEvent, row: HTMLElement | null): void {
  const log = event.currentTarget as HTMLElement;
  const all = [...log.querySelectorAll<HTMLElement>("article")];
  const now = row ? all.indexOf(row) : all.length;
  const next = { ArrowUp: now - 1, ArrowDown: now + 1, Home: 0, End: all.length - 1 }[event.key] ?? now;
  event.preventDefault();
  all[Math.min(Math.max(next, 0), all.length - 1)]?.focus();
}

function enter(row: HTMLElement, event: KeyboardEvent): void {
  event.preventDefault();
  buttonsOf(row)[0]?.focus();
}

function beside(row: HTMLElement, target: HTMLElement, event: KeyboardEvent): void {
  const all = buttonsOf(row);
  const next = all.indexOf(target) + (event.key === "ArrowRight" ? 1 : -1);
  event.preventDefault();
  all[(next + all.length) % all.length]?.focus();
}

function leave(target: HTMLElement, row: HTMLElement | null): void {
  if (row && target !== row) row.focus();
  else document.querySelector<HTMLElement>("#composer")?.focus();
}

/** What can be done with it first, then what is in it; what arrows scroll comes last, as they stay in there. */
function buttonsOf(row: HTMLElement): HTMLElement[] {
  const all = [...row.querySelectorAll<HTMLElement>("button, a, pre[tabindex], table[tabindex]")];
  const rank = (each: HTMLElement) => (each.closest(".tools") ? 0 : each.matches("pre, table") ? 2 : 1);
  return all.filter((each) => !each.closest("[popover]")).sort((one, other) => rank(one) - rank(other));
}
