// The ids of what is saved, as sets. Pure. Not for: reading them (net/saved.ts).

type Ids = ReadonlySet<string>;

/** The last saved first, as the server lists them. */
export function toggled(ids: Ids, id: string, on: boolean): Ids {
  const others = [...ids].filter((each) => each !== id);
  return new Set(on ? [id, ...others] : others);
}

export function same(one: Ids, other: Ids): boolean {
  return one.size === other.size && [...one].every((id) => other.has(id));
}
