/** Requests that most likely break servers: a body that broke two of them is sent to no third (G17, U16). */
import { hash } from 'node:crypto';
import { fail } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';

/** Whose body it is: nobody is refused for what somebody else sent. */
export interface Suspect {
  readonly tenant: string;
  readonly bytes: Uint8Array;
}

interface Broke {
  readonly upstreams: Set<string>;
  /** When it is forgotten. */
  untilMs: number;
}

export interface QuarantineOptions {
  readonly clock: Clock;
  /** Bodies that are remembered; the oldest make way. */
  readonly bodiesMax?: number;
  /** Runs for what other replicas have to know as well. */
  readonly tell?: (news: PoisonNews) => void;
}

/** A body broke an upstream, or after all did not: by what it is remembered as, which does not tell what it said. */
export interface PoisonNews {
  readonly key: string;
  /** Empty where it was answered. */
  readonly upstream: string;
  readonly forMs: number;
}

/** So many servers must have broken: one may have died for reasons of its own. */
const brokenMin = 2;
const bodiesMaxDefault = 4_096;

export class Quarantine {
  readonly #clock: Clock;
  readonly #bodiesMax: number;
  readonly #tell: (news: PoisonNews) => void;
  /** By hash; those that were seen last stand last. */
  readonly #broke = new Map<string, Broke>();

  constructor({ clock, bodiesMax = bodiesMaxDefault, tell = () => {} }: QuarantineOptions) {
    this.#clock = clock;
    this.#tell = tell;
    this.#bodiesMax = bodiesMax;
  }

  /** While nobody has broken anything, no body is looked at. */
  get isEmpty(): boolean {
    if (this.#broke.size > 0) this.#forgetOld();
    return this.#broke.size === 0;
  }

  /** Whether it broke any upstream lately: then it is not sent together with what others asked. */
  knows(suspect: Suspect): boolean {
    return this.#of(keyOf(suspect)) !== undefined;
  }

  /** Throws for a body that broke two upstreams lately. */
  assertFree(suspect: Suspect): void {
    const known = this.#of(keyOf(suspect));
    if (known === undefined || known.upstreams.size < brokenMin) return;
    const leftS = Math.max(1, Math.ceil((known.untilMs - this.#clock.now()) / 1_000));
    throw fail('poison_suspected', `${whatItDid(known)}; it is not sent again for ${leftS} s`);
  }

  /** The connection to `upstream` broke with it. Says whether it broke enough of them. */
  broke(suspect: Suspect, upstream: string, forMs: number): boolean {
    const key = keyOf(suspect);
    this.#tell({ key, upstream, forMs });
    return this.#add({ key, upstream, forMs });
  }

  /** It was answered: whatever broke, this did not break it. */
  served(suspect: Suspect): void {
    const key = keyOf(suspect);
    if (this.#broke.delete(key)) this.#tell({ key, upstream: '', forMs: 0 });
  }

  /** Another replica has told. */
  hear(news: PoisonNews): void {
    if (news.upstream === '') this.#broke.delete(news.key);
    else this.#add(news);
  }

  #add({ key, upstream, forMs }: PoisonNews): boolean {
    const known = this.#of(key) ?? { upstreams: new Set<string>(), untilMs: 0 };
    if (known.upstreams.size < brokenMin) known.upstreams.add(upstream);
    known.untilMs = this.#clock.now() + forMs;
    this.#broke.delete(key);
    this.#broke.set(key, known);
    const [oldest] = this.#broke.keys();
    if (this.#broke.size > this.#bodiesMax && oldest !== undefined) this.#broke.delete(oldest);
    return known.upstreams.size >= brokenMin;
  }

  /** What is never sent again is never looked at again either. */
  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [key, { untilMs }] of this.#broke) {
      if (untilMs > now) return;
      this.#broke.delete(key);
    }
  }

  #of(key: string): Broke | undefined {
    const known = this.#broke.get(key);
    if (known === undefined || known.untilMs > this.#clock.now()) return known;
    this.#broke.delete(key);
    return undefined;
  }
}

function whatItDid({ upstreams }: Broke): string {
  return `the connections to ${upstreams.size} upstreams broke with this request, which may be what breaks them`;
}

function keyOf({ tenant, bytes }: Suspect): string {
  return `${tenant}\u0000${hash('sha256', bytes, 'base64')}`;
}
