// How far each member of a chat has read; positions only go forward. Pure. Not for: who is online (store.ts).
import type { Member } from "./types";

/** The members after word that one of them has read up to `seq`. */
export function readBy(list: readonly Member[], userId: string, seq: number): Member[] {
  return list.map((each) => (each.user.id === userId && each.read_seq !== null ? readTo(each, seq) : each));
}

/** Members as an answer tells of them, which may have been read before some word of their reading. */
export function asRead(list: readonly Member[], known: readonly Member[]): Member[] {
  const seqs = new Map(known.map((each) => [each.user.id, each.read_seq]));
  // Who does not tell any more is believed.
  return list.map((each) => (each.read_seq === null ? each : readTo(each, seqs.get(each.user.id) ?? 0)));
}

function readTo(member: Member, seq: number): Member {
  return { ...member, read_seq: Math.max(member.read_seq ?? 0, seq) };
}

/** The others, people all, who have read up to `seq`, and those who have not; who does not tell is neither. */
export function seen(list: readonly Member[], userId: string, seq: number): { by: Member[]; not: Member[] } {
  const told = list.filter(
    ({ user, read_seq }) => user.id !== userId && user.kind === "person" && read_seq !== null,
  );
  return {
    by: told.filter(({ read_seq }) => (read_seq ?? 0) >= seq),
    not: told.filter(({ read_seq }) => (read_seq ?? 0) < seq),
  };
}
