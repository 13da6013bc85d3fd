/** Who is signed in to the console: a cookie stands for it, on every gateway that shares what it knows. */
import { hash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Tickets } from '../core/ports.ts';
import { roles } from '../identity/options.ts';
import type { Clock } from '../lib/clock.ts';
import type { AdminActor } from './actor.ts';

export interface Session {
  readonly actor: AdminActor;
  /** What a request that changes something must send beside the cookie: a page of another site cannot know it. */
  readonly csrf: string;
  readonly beganAtMs: number;
  readonly expiresAtMs: number;
}

/** As others may see it: what it is kept under opens nothing, nor does it tell what the cookie says. */
export interface OpenSession extends Omit<Session, 'csrf'> {
  readonly id: string;
}

export interface SessionBounds {
  readonly sessionMs: number;
  readonly idleMs: number;
}

export class Sessions {
  readonly #tickets: Tickets;
  readonly #clock: Clock;

  constructor(tickets: Tickets, clock: Clock) {
    this.#tickets = tickets;
    this.#clock = clock;
  }

  /** What the cookie is to say. Kept is its digest: a dump of what we keep opens nothing. */
  async begin(actor: AdminActor, { sessionMs, idleMs }: SessionBounds): Promise<string> {
    const id = randomName();
    const beganAtMs = this.#clock.wall();
    const session: Session = { actor, csrf: randomName(), beganAtMs, expiresAtMs: beganAtMs + sessionMs };
    await this.#tickets.keep(digestOf(id), JSON.stringify(session), Math.min(idleMs, sessionMs));
    return id;
  }

  /** Of what a cookie says; using it keeps it from ending for idleness. */
  async of(id: string, { idleMs }: SessionBounds): Promise<Session | undefined> {
    const text = await this.#tickets.find(digestOf(id), idleMs);
    return text === undefined ? undefined : this.#read(text);
  }

  async end(id: string): Promise<void> {
    await this.#tickets.take(digestOf(id));
  }

  /** All that are open, in the order in which they began. */
  async open(): Promise<readonly OpenSession[]> {
    const tickets = await this.#tickets.all();
    const open = tickets.flatMap(({ name, text }) => {
      const session = this.#read(text);
      if (session === undefined) return [];
      const { actor, beganAtMs, expiresAtMs } = session;
      return [{ id: name, actor, beganAtMs, expiresAtMs }];
    });
    return open.sort(inOrder);
  }

  /** Of one of those; false where it has ended meanwhile. */
  async endOpen({ id }: OpenSession): Promise<boolean> {
    return (await this.#tickets.take(id)) !== undefined;
  }

  #read(text: string): Session | undefined {
    const session = parseJson(text, sessionText);
    return session !== undefined && this.#clock.wall() < session.expiresAtMs ? session : undefined;
  }
}

export type SessionPlace = Pick<OpenSession, 'id' | 'beganAtMs'>;

/** As they began. */
export function inOrder(one: SessionPlace, other: SessionPlace): number {
  if (one.beganAtMs !== other.beganAtMs) return one.beganAtMs - other.beganAtMs;
  if (one.id === other.id) return 0;
  return one.id < other.id ? -1 : 1;
}

export function randomName(): string {
  return randomBytes(32).toString('base64url');
}

export function digestOf(text: string): string {
  return hash('sha256', text, 'base64url');
}

const sessionText = z.object({
  actor: z.object({
    name: z.string(),
    tenant: z.string(),
    team: z.string(),
    user: z.string(),
    role: z.enum(roles),
    how: z.literal('session'),
  }),
  csrf: z.string().min(32),
  beganAtMs: z.number(),
  expiresAtMs: z.number(),
});

/** Nothing where it is none of ours (DP8). */
export function parseJson<Shape extends z.ZodType>(text: string, shape: Shape): z.output<Shape> | undefined {
  try {
    return shape.safeParse(JSON.parse(text)).data;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
