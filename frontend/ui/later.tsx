// A part of the page that is fetched when it is first shown. Not for: what the first look at a chat needs.
import { type Signal, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n/en";
import { askSession } from "../net/api";
import { isOutdated } from "../net/version";
import { showToast } from "../store";

/** A component that arrives a moment after it is first shown; where it does not come, the user is told. */
export function later<P extends object>(fetch: () => Promise<ComponentType<P>>): ComponentType<P> {
  const arrived: Signal<{ Part: ComponentType<P> } | null> = signal(null);
  return function Later(props: P) {
    useEffect(() => {
      if (!arrived.value) bring(fetch, arrived);
    }, []);
    const Part = arrived.value?.Part;
    return Part ? <Part {...props} /> : null;
  };
}

function bring<P>(
  fetch: () => Promise<ComponentType<P>>,
  arrived: Signal<{ Part: ComponentType<P> } | null>,
): void {
  fetch().then(
    (Part) => {
      arrived.value = { Part };
    },
    () => void tellMissing(),
  );
}

/** A new version of the page has its parts under other names: then only a reload brings them. */
async function tellMissing(): Promise<void> {
  await askSession().catch(() => null);
  if (!isOutdated()) showToast(t.partMissing);
}
