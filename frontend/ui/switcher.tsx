// Ctrl+K: to a chat or a person by a few letters of the name. Not for: what is offered (state/switching.ts).
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { findPeople, startDirect } from "../net/acts";
import { reasonOf } from "../net/api";
import { recent } from "../recent";
import { go } from "../route";
import { composing } from "../state/keys";
import { waits } from "../state/sections";
import { type Offer, offers } from "../state/switching";
import type { User } from "../state/types";
import { chats, me, members, openId } from "../store";
import { Avatar, ChatAvatar } from "./avatar";
import { Dialog } from "./dialog";
import { Icon } from "./icons";

const TYPING_MS = 150;

export function Switcher({ onClose }: { onClose: () => void }) {
  const id = useId();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const [problem, setProblem] = useState("");
  const people = usePeople(typed, setProblem);
  const list = offers(typed, chats.value, people, recent.value, openId.value);
  const chosen = Math.min(at, list.length - 1);
  const pick = (offer: Offer | undefined) => {
    if (!offer) return;
    const leave = (chatId: string) => {
      onClose();
      go(chatId);
    };
    if (offer.chat) leave(offer.chat.id);
    else
      startDirect(offer.id).then(
        (chat) => leave(chat.id),
        (error) => setProblem(reasonOf(error)),
      );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (composing(event)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.length > 0) setAt((chosen + step + list.length) % list.length);
    else if (event.key === "Enter") pick(list[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t.switcher} onClose={onClose} look="switcher">
      <label class="search">
        <Icon name="search" />
        <span class="hidden">{t.switcherHint}</span>
        <input
          autofocus
          role="combobox"
          aria-expanded={list.length > 0}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={list[chosen] && `${id}-${list[chosen].id}`}
          autocomplete="off"
          spellcheck={false}
          placeholder={t.switcherHint}
          value={typed}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
      </label>
      <p class="hidden" role="status">
        {typed && t.found(list.length)}
      </p>
      <div id={id} role="listbox" aria-label={t.switcher} class="offers">
        {list.map((offer, index) => (
          <Line key={offer.id} id={`${id}-${offer.id}`} offer={offer} on={index === chosen} onPick={pick} />
        ))}
      </div>
      {list.length === 0 && <p class="nothing">{t.switcherNothing}</p>}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}

function Line({
  id,
  offer,
  on,
  onPick,
}: {
  id: string;
  offer: Offer;
  on: boolean;
  onPick: (offer: Offer) => void;
}) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (on) ref.current?.scrollIntoView({ block: "nearest" });
  }, [on]);
  const { chat, user, name } = offer;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the focus stays in the field, whose keys choose and pick.
    // biome-ignore lint/a11y/useFocusableInteractive: as above.
    <div ref={ref} id={id} role="option" aria-selected={on} class="offer-line" onClick={() => onPick(offer)}>
      {chat ? (
        <ChatAvatar chat={chat} />
      ) : (
        <Avatar of={{ id: offer.id, name, avatar_url: user?.avatar_url ?? null }} />
      )}
      <bdi class="name">{name}</bdi>
      <span class="dim">{user ? `@${user.username}` : chat && t.members(chat.member_count)}</span>
      {chat && waits(chat) && (
        <span class="count">
          <span aria-hidden="true">{chat.unread > 99 ? "99+" : chat.unread}</span>
          <span class="hidden">{t.unread(chat.unread)}</span>
        </span>
      )}
    </div>
  );
}

/** People who are known here, at once; then whom the server finds. */
function usePeople(typed: string, setProblem: (problem: string) => void): readonly User[] {
  const [found, setFound] = useState<readonly User[]>([]);
  useEffect(() => {
    setProblem("");
    if (!typed.trim()) return setFound([]);
    let current = true;
    const search = () =>
      findPeople(typed.trim().replace(/^@/, "")).then(
        (users) => current && setFound(users),
        () => current && setProblem(t.switcherFailed),
      );
    const timer = setTimeout(search, TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [typed]);
  const known = [...members.value.values()].flat().map((member) => member.user);
  const all = [...known, ...found].filter((user) => user.kind === "person" && user.id !== me.value.id);
  return [...new Map(all.map((user) => [user.id, user])).values()];
}
