// A person's, bot's or chat's picture, else a letter on a colour of its own; with a dot where somebody is online.
import { t } from "../i18n/en";
import { online } from "../store";

interface Shown {
  id: string;
  name: string;
  avatar_url: string | null;
}

export function Avatar({ of, size = "", userId }: { of: Shown; size?: string; userId?: string | undefined }) {
  const there = userId !== undefined && online.value.has(userId);
  return (
    <span class={`face ${size}`}>
      {of.avatar_url ? (
        <img class={`avatar ${size}`} src={of.avatar_url} alt="" width="40" height="40" />
      ) : (
        <span class={`avatar ${size}`} data-tint={of.id.slice(-1)} aria-hidden="true">
          {initial(of.name)}
        </span>
      )}
      {there && (
        <span class="online">
          <span class="hidden">{t.online}</span>
        </span>
      )}
    </span>
  );
}

// By code point, so that an emoji at the start of a name is not cut in half.
const initial = (name: string) => [...name.trim()][0] ?? "?";
