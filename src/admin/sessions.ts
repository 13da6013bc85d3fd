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
  readonly expiresAtMs: number;
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
    const expiresAtMs = this.#clock.wall() + sessionMs;
    const session: Session = { actor, csrf: randomName(), expiresAtMs };
    await this.#tickets.keep(digestOf(id), JSON.stringify(session), Math.min(idleMs, sessionMs));
    return id;
  }

  /** Of what a cookie says; using it keeps it from ending for idleness. */
  async of(id: string, { idleMs }: SessionBounds): Promise<Session | undefined> {
    const text = await this.#tickets.find(digestOf(id), idleMs);
    const session = text === undefined ? undefined : parseJson(text, sessionText);
    return session !== undefined && this.#clock.wall() < session.expiresAtMs ? session : undefined;
  }

  async end(id: string): Promise<void> {
    await this.#tickets.take(digestOf(id));
  }
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
