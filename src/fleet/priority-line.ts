/**
 * The higher priority first. Who is passed over for longer than a bound has its own turns, one of a few: so neither those
 * below nor those above are ever shut out, however long both lines are.
 */
import type { Asking, Charge, InnerLine, Line, Moment, Standing } from './line.ts';

interface Level<W extends Standing> {
  readonly priority: number;
  readonly line: InnerLine<W>;
}

export class PriorityLine<W extends Standing> implements Line<W> {
  readonly #agingMs: number;
  readonly #createLine: () => InnerLine<W>;
  /** Those that somebody waits in, the highest first. */
  #levels: readonly Level<W>[] = [];

  constructor(agingMs: number, createLine: () => InnerLine<W>) {
    this.#agingMs = agingMs;
    this.#createLine = createLine;
  }

  get size(): number {
    let size = 0;
    for (const { line } of this.#levels) size += line.size;
    return size;
  }

  add(one: W): void {
    const level = this.#levelOf(one.priority) ?? this.#open(one.priority);
    level.line.add(one);
  }

  remove(one: W): void {
    const level = this.#levelOf(one.priority);
    if (level === undefined) return;
    level.line.remove(one);
    if (level.line.size === 0) this.#levels = this.#levels.filter((other) => other !== level);
  }

  first(moment: Moment): W | undefined {
    return this.#inTurn(moment)[0]?.line.first(moment);
  }

  firstBut(tenants: ReadonlySet<string>, moment: Moment): W | undefined {
    for (const { line } of this.#inTurn(moment)) {
      const first = line.firstBut(tenants, moment);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  charge(one: Asking, charges: Charge[]): void {
    for (const { line } of this.#levels) line.charge?.(one, charges);
  }

  over(one: Asking): number {
    return this.#levelOf(one.priority)?.line.over?.(one) ?? 0;
  }

  chargeIdle(one: Asking, requests: number): void {
    this.#levelOf(one.priority)?.line.chargeIdle?.(one, requests);
  }

  ahead(one: W): number {
    let ahead = 0;
    for (const { priority, line } of this.#levels) {
      if (priority > one.priority) ahead += line.size;
      else if (priority === one.priority) ahead += line.ahead(one);
    }
    return ahead;
  }

  #inTurn({ agedTurn, nowMs }: Moment): readonly Level<W>[] {
    return agedTurn && this.#levels.length > 1 ? this.#longestFirst(nowMs) : this.#levels;
  }

  /** Levels in which somebody has waited too long, the longest first; then the others as ever. */
  #longestFirst(nowMs: number): readonly Level<W>[] {
    const rank = (level: Level<W>) => {
      const { oldest } = level.line;
      const waitedMs = oldest === undefined ? 0 : nowMs - oldest.sinceMs;
      return waitedMs >= this.#agingMs ? waitedMs : 0;
    };
    return this.#levels.toSorted((one, other) => rank(other) - rank(one));
  }

  #levelOf(priority: number): Level<W> | undefined {
    for (const level of this.#levels) if (level.priority === priority) return level;
    return undefined;
  }

  #open(priority: number): Level<W> {
    const level = { priority, line: this.#createLine() };
    this.#levels = [...this.#levels, level].sort((one, other) => other.priority - one.priority);
    return level;
  }
}
