// Other ways to a message's menu than its button: a right click, the menu key, a long press. Not for: the menu (actions.tsx).

const LONG_MS = 500;
/** After a finger is lifted browsers still make a click of it, which would close what has just opened. */
const LIFTED_MS = 80;
/** A finger that moves farther scrolls. */
const STILL = 10;

/** For `onContextMenu` of a message's element. Links, pictures and selected text keep the browser's own menu. */
export function openOnContext(event: MouseEvent): void {
  const { currentTarget: row, target } = event;
  if ((target as Element).closest("a, img, [popover]") || !getSelection()?.isCollapsed) return;
  // Under a finger that is still down it would close again; see openOnLongPress.
  if (pressed || showMenu(row as Element)) event.preventDefault();
}

let pressed: { at: number; x: number; y: number } | null = null;

/** For `onPointerDown`. */
export function notePress({ pointerType, timeStamp: at, clientX: x, clientY: y }: PointerEvent): void {
  pressed = pointerType === "touch" ? { at, x, y } : null;
}

/** For `onPointerUp`: only once the finger is lifted, which would close what opened under it. */
export function openOnLongPress(event: PointerEvent): void {
  const began = pressed;
  pressed = null;
  const row = event.currentTarget as Element;
  if (!began || event.timeStamp - began.at < LONG_MS || (event.target as Element).closest("[popover]"))
    return;
  if (Math.hypot(event.clientX - began.x, event.clientY - began.y) < STILL)
    setTimeout(() => showMenu(row), LIFTED_MS);
}

function showMenu(row: Element): boolean {
  const menu = row.querySelector<HTMLElement>(".popover.menu");
  if (menu && !menu.matches(":popover-open")) menu.showPopover();
  return menu !== null;
}
