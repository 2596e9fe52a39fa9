// What waits, in the browser's tab: in its title and on its icon. Not for: counting it (state/chats.ts).
import { t } from "../i18n/en";

const COLOURS = { unread: "#0a6a70", mention: "#b0261c" };
const link = () => document.querySelector<HTMLLinkElement>('link[rel="icon"]');
let plain: string | undefined;

/** `name`: of the open chat; `mentioned`: somebody asked for this user by name. */
export function showInTab(unread: number, mentioned: boolean, name: string | null): void {
  document.title = t.title(unread, mentioned, name);
  const icon = link();
  if (!icon) return;
  plain ??= icon.href;
  icon.href = unread > 0 ? `data:image/svg+xml,${encodeURIComponent(drawn(unread, mentioned))}` : plain;
}

// The badge takes most of it: at 16 pixels nothing less can be read.
function drawn(unread: number, mentioned: boolean): string {
  const words = mentioned ? "@" : unread > 99 ? "99" : String(unread);
  const colour = mentioned ? COLOURS.mention : COLOURS.unread;
  const text = `<text x="32" y="47" font-family="sans-serif" font-weight="700" font-size="42" fill="#fff" text-anchor="middle">${words}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><circle cx="32" cy="32" r="32" fill="${colour}"/>${text}</svg>`;
}
