// Starts a chat: with one person, or a group with a name. Not for: changing one (its settings page).
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { findPeople, startDirect, startGroup } from "../net/acts";
import { reasonOf } from "../net/api";
import { go } from "../route";
import type { Chat, User } from "../state/types";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";
import { nameOf } from "./format";
import { Icon } from "./icons";

/** Long enough that a word is typed before it is looked for. */
const TYPING_MS = 150;

export function NewChat({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<"direct" | "group">("direct");
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const [error, setError] = useState("");
  const start = (making: Promise<Chat>) =>
    making.then(
      (chat) => {
        onClose();
        go(chat.id);
      },
      (failure) => setError(reasonOf(failure)),
    );
  const pick = (user: User) => {
    if (kind === "direct") start(startDirect(user.id));
    else setChosen(toggled(chosen, user));
  };
  return (
    <Dialog title={t.newChat} onClose={onClose}>
      <Kinds kind={kind} onKind={setKind} />
      <form
        class="new-chat-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (kind === "group" && name.trim()) start(startGroup(name.trim(), chosen));
        }}
      >
        {kind === "group" && <GroupFields name={name} onName={setName} chosen={chosen} onTakeOut={pick} />}
        <People chosen={chosen} onPick={pick} many={kind === "group"} />
        {error && <p class="problem">{error}</p>}
        {kind === "group" && (
          <button type="submit" class="button primary" disabled={!name.trim()}>
            {t.makeGroup}
          </button>
        )}
      </form>
    </Dialog>
  );
}

function Kinds({ kind, onKind }: { kind: string; onKind: (kind: "direct" | "group") => void }) {
  const one = (value: "direct" | "group", label: string) => (
    <button type="button" aria-pressed={kind === value} onClick={() => onKind(value)}>
      {label}
    </button>
  );
  return (
    <div class="kinds" role="group" aria-label={t.kind}>
      {one("direct", t.direct)}
      {one("group", t.group)}
    </div>
  );
}

interface GroupProps {
  name: string;
  onName: (name: string) => void;
  chosen: readonly User[];
  onTakeOut: (user: User) => void;
}

function GroupFields({ name, onName, chosen, onTakeOut }: GroupProps) {
  return (
    <>
      <label class="labelled">
        {t.groupName}
        <input value={name} maxLength={100} required onInput={(event) => onName(event.currentTarget.value)} />
      </label>
      {chosen.length > 0 && (
        <ul class="chosen" aria-label={t.chosen}>
          {chosen.map((user) => (
            <li key={user.id}>
              <bdi>{nameOf(user)}</bdi>
              <button type="button" aria-label={t.takeOut(nameOf(user))} onClick={() => onTakeOut(user)}>
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function People({
  chosen,
  onPick,
  many,
}: {
  chosen: readonly User[];
  onPick: (user: User) => void;
  many: boolean;
}) {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<User[] | null>(null);
  const [failed, setFailed] = useState(false);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    let current = true;
    const search = () =>
      findPeople(query).then(
        (users) => {
          if (!current) return;
          setFound(users);
          setFailed(false);
        },
        () => current && setFailed(true),
      );
    const timer = setTimeout(search, TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [query, again]);
  return (
    <>
      <label class="labelled">
        {t.people}
        <input
          type="search"
          autofocus
          placeholder={t.findPeople}
          value={query}
          // Enter here must not make a group that is half filled in.
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
      </label>
      <ul class="found">
        {found?.map((user) => (
          <Person
            key={user.id}
            user={user}
            on={chosen.some((each) => each.id === user.id)}
            onPick={onPick}
            many={many}
          />
        ))}
        {failed && (
          <li class="nothing" role="alert">
            <p class="problem">{t.peopleFailed}</p>
            <button type="button" class="button small" onClick={() => setAgain(again + 1)}>
              {t.retry}
            </button>
          </li>
        )}
        {found?.length === 0 && !failed && <li class="nothing">{t.noPeople}</li>}
      </ul>
    </>
  );
}

function Person(props: { user: User; on: boolean; onPick: (user: User) => void; many: boolean }) {
  const { user, on, onPick, many } = props;
  return (
    <li>
      <button type="button" onClick={() => onPick(user)} aria-pressed={many ? on : undefined}>
        <Avatar of={{ ...user, name: nameOf(user) }} size="small" />
        <bdi class="name">{nameOf(user)}</bdi>
        <span class="dim">@{user.username}</span>
        {many && on && <Icon name="tick" />}
      </button>
    </li>
  );
}

function toggled(list: readonly User[], user: User): readonly User[] {
  const without = list.filter((each) => each.id !== user.id);
  return without.length < list.length ? without : [...list, user];
}
