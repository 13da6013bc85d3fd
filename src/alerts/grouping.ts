/** What is told together, what is told once, and what is not told at all. Knows nothing of receivers. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Alert, AlertKind } from './alert.ts';
import type { AlertsOptions } from './options.ts';

export interface GroupingOptions {
  readonly clock: Clock;
  readonly options: Pick<AlertsOptions, 'group' | 'silence'>;
  /** Called with those of one kind. */
  readonly flush: (alerts: readonly Alert[], more: number) => void;
}

const inGroupMax = 100;
/** What is remembered as told, so that it is not told twice and its end is. */
const toldMax = 4_096;

/** `known`: told already, or the end of what nobody was told of. */
export type Added = 'news' | 'silenced' | 'known';

interface Group {
  readonly waiting: Map<string, Alert>;
  more: number;
  timer: Timer | undefined;
  flushedMs: number;
}

export class Grouping {
  readonly #clock: Clock;
  readonly #flush: GroupingOptions['flush'];
  #options: GroupingOptions['options'];
  readonly #groups = new Map<AlertKind, Group>();
  readonly #firing = new Set<string>();

  constructor({ clock, options, flush }: GroupingOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#flush = flush;
  }

  follow(options: GroupingOptions['options']): void {
    this.#options = options;
  }

  add(alert: Alert): Added {
    return alert.resolved === true ? this.#end(alert) : this.#begin(alert);
  }

  flushAll(): void {
    for (const group of this.#groups.values()) this.#flushGroup(group);
  }

  #begin(alert: Alert): Added {
    const id = idOf(alert);
    if (this.#firing.has(id)) return 'known';
    if (this.#isSilenced(alert)) return 'silenced';
    this.#remember(id);
    this.#wait(alert);
    return 'news';
  }

  #end(alert: Alert): Added {
    const id = idOf(alert);
    if (!this.#firing.delete(id)) return 'known';
    // It came and went before anybody was told.
    if (this.#groups.get(alert.kind)?.waiting.delete(id) === true) return 'known';
    if (this.#isSilenced(alert)) return 'silenced';
    this.#wait(alert);
    return 'news';
  }

  #remember(id: string): void {
    this.#firing.add(id);
    if (this.#firing.size <= toldMax) return;
    for (const oldest of this.#firing) {
      this.#firing.delete(oldest);
      return;
    }
  }

  #wait(alert: Alert): void {
    const group = this.#groupOf(alert.kind);
    const id = idOf(alert);
    if (group.waiting.size < inGroupMax || group.waiting.has(id)) group.waiting.set(id, alert);
    else group.more += 1;
    if (group.timer !== undefined) return;
    const { waitMs, everyMs } = this.#options.group;
    const sinceMs = this.#clock.now() - group.flushedMs;
    group.timer = this.#clock.after(Math.max(waitMs, everyMs - sinceMs), () => this.#flushGroup(group));
  }

  #groupOf(kind: AlertKind): Group {
    const known = this.#groups.get(kind);
    if (known !== undefined) return known;
    const group: Group = {
      waiting: new Map(),
      more: 0,
      timer: undefined,
      flushedMs: Number.NEGATIVE_INFINITY,
    };
    this.#groups.set(kind, group);
    return group;
  }

  #flushGroup(group: Group): void {
    group.timer?.cancel();
    group.timer = undefined;
    if (group.waiting.size === 0) return;
    const alerts = [...group.waiting.values()];
    const { more } = group;
    group.waiting.clear();
    group.more = 0;
    group.flushedMs = this.#clock.now();
    this.#flush(alerts, more);
  }

  #isSilenced({ kind, labels }: Alert): boolean {
    const nowMs = this.#clock.wall();
    return this.#options.silence.some(
      ({ match, until }) =>
        (until === undefined || nowMs < Date.parse(until)) &&
        Object.entries(match).every(([name, value]) => value === (name === 'alert' ? kind : labels[name])),
    );
  }
}

function idOf({ kind, key }: Alert): string {
  return `${kind} ${key}`;
}
