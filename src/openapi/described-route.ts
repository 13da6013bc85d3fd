/** What is said of a route of the clients' listener beyond what its registration knows. */
import type { z } from 'zod';
import type { JsonObject } from '../core/call.ts';

export interface DescribedRoute {
  readonly summary: string;
  readonly description?: string;
  /** What `*` at the end of its path stands for. */
  readonly rest?: { readonly name: string; readonly description: string };
  /** `bytes` for what is no JSON. */
  readonly body?: z.ZodType | 'bytes';
  /** In JSON; a text says what a text of its own kind is; absent where an answer has no body. */
  readonly answer?: z.ZodType | { readonly type: string; readonly text: string };
  /** Other statuses that are answers and no failures, and what they mean. */
  readonly otherwise?: Readonly<Record<number, string>>;
  /** How it streams. */
  readonly stream?: { readonly type: string; readonly item: z.ZodType; readonly description: string };
  /** Whether it answers in no other way. */
  readonly streamsOnly?: boolean;
  /** Whether `x-millrace-upstreams` says for which upstreams it is meant. */
  readonly choosesUpstreams?: boolean;
  /** The first of its statuses; 200 unless said. */
  readonly status?: number;
  readonly example: { readonly body?: JsonObject; readonly rest?: string };
}

/** By the route's name. */
export type DescribedRoutes = Readonly<Record<string, DescribedRoute>>;
