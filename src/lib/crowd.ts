/**
 * Those who are there at this moment, in no order, for where many come and go. A Set makes itself a new table every so
 * many members, and each table leads to the next: once one is among the old objects, all that came after it is kept
 * until those are collected, and with it whole exchanges.
 */
export interface Member {
  /** Where it stands; -1 while it is nowhere. The crowd's own, and one crowd's alone. */
  at: number;
}

export class Crowd<M extends Member> {
  readonly #members: M[] = [];

  /** Whoever goes through them while some leave takes a copy. */
  get members(): readonly M[] {
    return this.#members;
  }

  add(member: M): void {
    if (member.at === -1) member.at = this.#members.push(member) - 1;
  }

  /** Whether it was there. */
  delete(member: M): boolean {
    const { at } = member;
    if (at === -1) return false;
    member.at = -1;
    const last = this.#members.pop();
    if (last === undefined || last === member) return true;
    this.#members[at] = last;
    last.at = at;
    return true;
  }
}
