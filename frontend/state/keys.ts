// What a key press in the composer means. Pure. Not for: doing it.

export type Press = Pick<
  KeyboardEvent,
  "key" | "keyCode" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey" | "isComposing"
>;

/** Whether a press confirms or walks through an input method's candidates, and so is none of ours. */
export function composing(press: Press): boolean {
  // Safari ends the composition before the key press that confirms it; only 229 still tells.
  return press.isComposing || press.keyCode === 229;
}

/**
 * Whether a press sends: Enter with Ctrl or Cmd, and `plain` Enter; not on touch screens, where Send is a button, nor
 * with Shift.
 */
export function sends(press: Press, touch: boolean, plain: boolean): boolean {
  if (press.key !== "Enter" || composing(press)) return false;
  if (press.ctrlKey || press.metaKey) return true;
  return plain && !touch && !press.shiftKey && !press.altKey;
}
