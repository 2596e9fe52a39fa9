// A button that opens the emoji picker, which comes when it is first opened. Not for: what is in it (emojipicker.tsx).
import { t } from "../i18n/en";
import { later } from "./later";
import { PopoverButton } from "./menu";

const EmojiPicker = later(async () => (await import("./emojipicker")).EmojiPicker);

interface Props {
  onPick: (emoji: string) => void;
  label?: string;
  /** In the log, where messages are one Tab stop; see ui/log. */
  inLog?: boolean;
}

export function EmojiButton({ onPick, label = t.emoji, inLog = false }: Props) {
  return (
    <PopoverButton label={label} icon="react" kind="emoji" inLog={inLog}>
      {(close) => (
        <EmojiPicker
          onPick={(emoji) => {
            close();
            onPick(emoji);
          }}
        />
      )}
    </PopoverButton>
  );
}
