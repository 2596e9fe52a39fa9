// The buttons of a card: links, and those that tell their bot that they were pressed. Not for: the call (net/presses.ts).
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n/en";
import { ApiError, reasonOf } from "../net/api";
import { newId } from "../net/ids";
import { type Carrier, press } from "../net/presses";
import type { CardButton } from "../state/types";
import { announced } from "../store";
import { Confirm } from "./dialog";
import { Icon } from "./icons";
import { To } from "./to";

/** How long a button shows that its press has arrived. */
const SHOWN_MS = 2000;

export function CardButtons({ list, carrier }: { list: readonly CardButton[]; carrier: Carrier }) {
  const [problem, setProblem] = useState("");
  return (
    <>
      <p class="card-buttons">
        {list.map((button, index) => (
          <Either key={`${button.id ?? index} ${button.text}`} {...{ button, carrier, setProblem }} />
        ))}
      </p>
      {problem && (
        <p class="card-problem" role="alert">
          <Icon name="warning" />
          {problem}
        </p>
      )}
    </>
  );
}

interface Props {
  button: CardButton;
  carrier: Carrier;
  setProblem: (problem: string) => void;
}

function Either({ button, carrier, setProblem }: Props) {
  const look = `button small ${button.style}`;
  if (button.url) return <To url={button.url} words={button.text} look={look} />;
  if (button.id) return <Press {...{ button, carrier, setProblem, look, id: button.id }} />;
  return (
    <button type="button" class={look} disabled title={t.leadsNowhere}>
      <bdi>{button.text}</bdi>
    </button>
  );
}

function Press({ button, carrier, setProblem, look, id }: Props & { look: string; id: string }) {
  const [state, setState] = useState<"ready" | "busy" | "sent">("ready");
  const [asking, setAsking] = useState(false);
  const clientId = useRef<string | null>(null);
  const go = async () => {
    setState("busy");
    setProblem("");
    try {
      // Kept while nobody knows whether the press arrived.
      clientId.current ??= newId();
      await press(carrier, id, clientId.current);
      clientId.current = null;
      setState("sent");
      announced.value = t.pressed(button.text);
      setTimeout(() => setState((now) => (now === "sent" ? "ready" : now)), SHOWN_MS);
    } catch (error) {
      if (error instanceof ApiError && !error.passing) clientId.current = null;
      setProblem(reasonOf(error));
      setState("ready");
    }
  };
  const click = () => {
    // Not `disabled`, which would take the focus away.
    if (state === "busy") return;
    if (button.confirm) setAsking(true);
    else void go();
  };
  return (
    <>
      <button type="button" class={`${look} ${state}`} aria-disabled={state === "busy"} onClick={click}>
        {state === "busy" && <span class="spinner" />}
        {state === "sent" && <Icon name="tick" />}
        <bdi>{button.text}</bdi>
      </button>
      {asking && button.confirm && (
        <Confirm
          title={button.confirm.title || button.text}
          text={button.confirm.text}
          act={button.confirm.ok || t.yes}
          back={button.confirm.dismiss || t.cancel}
          look={button.style === "danger" ? "danger" : "primary"}
          onAct={() => void go()}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
