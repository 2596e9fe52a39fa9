// The list of keyboard shortcuts. Not for: what they do (keys.ts, logkeys.ts, composer.tsx).
import { t } from "../i18n/en";
import { me } from "../store";
import { Dialog } from "./dialog";

/** On a Mac the keys have signs, elsewhere names. */
const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const CTRL = mac ? "⌘" : "Ctrl";
const ALT = mac ? "⌥" : "Alt";
const SHIFT = mac ? "⇧" : "Shift";

/** Keys pressed together; several of them, one or the other. */
type Row = [words: string, ...keys: string[][]];

const groups = (enterSends: boolean): readonly (readonly [string, readonly Row[]])[] => [
  [
    t.keysChats,
    [
      [t.key.switcher, [CTRL, "K"]],
      [t.key.step, [ALT, "↑"], ["↓"]],
      [t.key.stepUnread, [ALT, SHIFT, "↑"], ["↓"]],
    ],
  ],
  [
    t.keysMessages,
    [
      [t.key.walk, ["↑"], ["↓"]],
      [t.key.ends, ["Home"], ["End"]],
      [t.key.actions, ["Enter"]],
      [t.key.back, ["Esc"]],
    ],
  ],
  [
    t.keysWriting,
    [
      [t.key.send, enterSends ? ["Enter"] : [CTRL, "Enter"]],
      [t.key.line, enterSends ? [SHIFT, "Enter"] : ["Enter"]],
      [t.key.editLast, ["↑"]],
      [t.key.cancel, ["Esc"]],
    ],
  ],
  [
    t.keysAll,
    [
      [t.key.landmarks, ["F6"], [SHIFT, "F6"]],
      [t.key.shortcuts, [CTRL, "/"], ["?"]],
    ],
  ],
];

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t.shortcuts} onClose={onClose} look="wide">
      <div class="key-groups">
        {groups(me.value.preferences.enter_sends).map(([name, rows]) => (
          <section key={name}>
            <h3>{name}</h3>
            <dl>
              {rows.map(([words, ...keys]) => (
                <div key={words}>
                  <dt>{words}</dt>
                  <dd>
                    {keys.map((together, index) => (
                      <span key={together.join()}>
                        {index > 0 && <span class="dim"> {t.or} </span>}
                        {together.map((key) => (
                          <kbd key={key}>{key}</kbd>
                        ))}
                      </span>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
