/**
 * What was turned away, for the audit log. Whoever is refused can come a thousand times a second: in each minute the
 * first of each kind is a record, and the rest of them are one with their number.
 */
import type { AuditAct } from '../core/audit.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export interface RefusalsOptions {
  readonly clock: Clock;
  readonly record: (act: AuditAct) => void;
}

const spanMs = 60_000;
/** Kinds that are told apart within a span: who, from where, what. All others are counted together. */
const kindsMax = 20;

interface Counted {
  readonly act: AuditAct;
  more: number;
}

export class Refusals {
  readonly #options: RefusalsOptions;
  #counted = new Map<string, Counted>();
  #timer: Timer | undefined;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  add(act: AuditAct): void {
    this.#timer ??= this.#options.clock.after(spanMs, () => this.close());
    const kind = this.#counted.size < kindsMax ? kindOf(act) : (this.#knownKind(act) ?? others);
    const counted = this.#counted.get(kind);
    if (counted !== undefined) {
      counted.more += 1;
      return;
    }
    this.#counted.set(kind, { act: kind === others ? { ...act, ...anyone } : act, more: 0 });
    if (kind === others) this.#options.record({ ...act, ...anyone });
    else this.#options.record(act);
  }

  /** Records what was counted since the span began. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const counted = [...this.#counted.values()];
    this.#counted = new Map();
    for (const { act, more } of counted) {
      if (more > 0) this.#options.record({ ...act, detail: { ...act.detail, more } });
    }
  }

  #knownKind(act: AuditAct): string | undefined {
    const kind = kindOf(act);
    return this.#counted.has(kind) ? kind : undefined;
  }
}

const others = 'others';
const anyone = { actor: '', address: '', object: '' };

function kindOf({ actor, tenant, address, action }: AuditAct): string {
  return JSON.stringify([actor, tenant, address, action]);
}
