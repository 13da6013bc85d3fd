/**
 * Who is signed in to the console. A session lives in this process alone, and ends with it: whoever comes back signs in
 * again, which costs a click while the issuer still knows them.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { AdminActor } from './actor.ts';
import { cookieOf } from './cookies.ts';

export interface Session {
  readonly actor: AdminActor;
  /** What a request that changes something must send beside the cookie: a page of another site cannot know it. */
  readonly csrf: string;
  readonly expiresAtMs: number;
}

export interface SessionBounds {
  readonly sessionMs: number;
  readonly idleMs: number;
}

interface Kept extends Session {
  readonly bounds: SessionBounds;
  readonly beganMs: number;
  usedMs: number;
}

const sessionsMax = 10_000;
const sessionsPerHolderMax = 20;

export class Sessions {
  readonly #clock: Clock;
  /** By the digest of what the cookie says: a dump of the memory opens nothing. */
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What the cookie is to say. */
  begin(actor: AdminActor, bounds: SessionBounds): string {
    this.#makeRoom(actor);
    const id = randomBytes(32).toString('base64url');
    const now = this.#clock.now();
    this.#kept.set(digestOf(id), {
      actor,
      bounds,
      csrf: randomBytes(32).toString('base64url'),
      expiresAtMs: this.#clock.wall() + bounds.sessionMs,
      beganMs: now,
      usedMs: now,
    });
    return id;
  }

  /** Of a request's cookies; using it keeps it from ending for idleness. */
  of(cookies: string | undefined): Session | undefined {
    const digest = this.#digestIn(cookies);
    const kept = digest === undefined ? undefined : this.#kept.get(digest);
    if (digest === undefined || kept === undefined) return undefined;
    if (this.#isOver(kept)) {
      this.#kept.delete(digest);
      return undefined;
    }
    kept.usedMs = this.#clock.now();
    return kept;
  }

  end(cookies: string | undefined): void {
    const digest = this.#digestIn(cookies);
    if (digest !== undefined) this.#kept.delete(digest);
  }

  #digestIn(cookies: string | undefined): string | undefined {
    const id = cookieOf(cookies, 'session');
    return id === undefined ? undefined : digestOf(id);
  }

  #isOver({ bounds, beganMs, usedMs }: Kept): boolean {
    const now = this.#clock.now();
    return now - beganMs >= bounds.sessionMs || now - usedMs >= bounds.idleMs;
  }

  /** What is over goes first, then the oldest: of the same holder, so that nobody crowds others out, or of all. */
  #makeRoom({ tenant, name }: AdminActor): void {
    for (const [digest, kept] of this.#kept) if (this.#isOver(kept)) this.#kept.delete(digest);
    const own = [...this.#kept].filter(([, { actor }]) => actor.tenant === tenant && actor.name === name);
    const [oldest] =
      own.length >= sessionsPerHolderMax ? own : this.#kept.size >= sessionsMax ? this.#kept : [];
    if (oldest !== undefined) this.#kept.delete(oldest[0]);
  }
}

/** Compares digests: how long it takes tells nothing. */
export function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'));
}

function digestOf(id: string): string {
  return hash('sha256', id, 'base64');
}
