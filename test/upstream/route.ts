import type { Behaviour } from './behaviour.ts';
import type { Library } from './library.ts';
import type { Memory } from './memory.ts';
import type { Reply } from './reply.ts';

/** What a route may look at. */
export interface RouteContext {
  readonly json: unknown;
  readonly body: Buffer;
  /** The last segment of a path that ends in a variable. */
  readonly parameter: string;
  readonly behaviour: Behaviour;
  readonly library: Library;
  readonly memory: Memory;
  /** How long its model took to load; next to nothing where it was there. */
  readonly loadMs: number;
  /** Counts the requests of one server, for ids that differ. */
  readonly serial: number;
}

/** `POST /v1/chat/completions` → its reply; `:parameter` stands for one last segment. */
export type Routes = Readonly<Record<string, (context: RouteContext) => Reply>>;

/** 2026-11-20, so that answers are the same in every run. */
export const bornAt = new Date('2026-11-20T00:00:00.000Z');
