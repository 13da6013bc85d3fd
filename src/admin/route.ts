/**
 * A route of the admin listener, as data: who may, what it takes, what it answers. A row without a permission does not
 * compile, and a route that was registered in another way than by its row ends the start.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { JsonObject } from '../core/call.ts';
import type { AdminPermission, Reach } from '../identity/permissions.ts';
import type { AdminActor } from './actor.ts';

export const api = '/admin/api/v1';

/** Whose things a route is about: the gateway's own, or one tenant's at a time. */
export type AdminScope = 'gateway' | 'tenant';

export interface AdminCall<Params = unknown, Query = unknown, Body = unknown> {
  readonly actor: AdminActor;
  /** With `own` only what is the actor's own may be seen and changed. */
  readonly reach: Reach;
  /** Whose things are meant: the actor's tenant, or the one that the gateway's people ask for with `tenant`. */
  readonly tenant: string;
  /** Whether the gateway's people asked for no tenant in particular: listings are of all then. */
  readonly everyTenant: boolean;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
}

/** What a handler gives: a status that the row names with what belongs to it, or a text of another kind. */
export type AdminAnswer<Answers> =
  | {
      [Status in keyof Answers]: {
        readonly status: Status;
        readonly body: Answers[Status] extends z.ZodType ? z.input<Answers[Status]> : never;
        readonly headers?: Readonly<Record<string, string>>;
      };
    }[keyof Answers]
  | PlainAnswer
  | StreamAnswer;

export interface PlainAnswer {
  readonly status: number;
  /** The media type. */
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is too much to be held. */
export interface StreamAnswer {
  readonly status: number;
  readonly type: string;
  readonly stream: Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

type Answers = Readonly<Record<number, z.ZodType>>;

export interface RouteExample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  /** Of the first status that the row names. */
  readonly answer?: unknown;
}

interface Row<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Given extends Answers,
> {
  /** As the audit log, scopes of keys and generated clients call it: `users.create`. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` for what varies. */
  readonly path: string;
  /** `public` needs no credential at all. */
  readonly permission: AdminPermission | 'metrics' | 'public';
  readonly scope: AdminScope;
  readonly tag: string;
  readonly summary: string;
  readonly params?: Params;
  /** Of scope `tenant` it has `tenantQuery` in it. */
  readonly query?: Query;
  readonly body?: Body;
  readonly answers: Given;
  /** Media types that it can answer in besides JSON. */
  readonly alsoAs?: readonly string[];
  /** Whether its page sends the browser on: 302. */
  readonly sendsOn?: boolean;
  readonly example: RouteExample;
  /** Of bodies that may be larger than usual. */
  readonly bodyBytesMax?: number;
  /** Whether a change must say, or may say, by `If-Match` which version it is of. */
  readonly ifMatch?: 'required' | 'optional';
  /** Whether it tells an ETag for `If-Match`, as whatever takes one does. */
  readonly etag?: boolean;
  /** Whether its answer is a `StreamAnswer`: it is not kept for whoever asks again. */
  readonly streams?: boolean;
  /** Whether it looks through so much that one caller may not ask for many at once. */
  readonly dear?: boolean;
  /** False of a POST that changes nothing: it is not audited. True of a GET that has to be. */
  readonly changes?: boolean;
  /** To what it is done, for the audit log; what the path or the body names unless said. */
  object?(call: AdminCall<z.output<Params>, z.output<Query>, z.output<Body>>): string;
  /** For the audit log, never with a secret in it; the names of the body's fields unless said. */
  detail?(call: AdminCall<z.output<Params>, z.output<Query>, z.output<Body>>): JsonObject;
  handle(
    call: AdminCall<z.output<Params>, z.output<Query>, z.output<Body>>,
  ): AdminAnswer<Given> | Promise<AdminAnswer<Given>>;
  /**
   * Of a row about what each process knows for itself: one answer out of those of all workers, where several serve.
   * Without it the primary's own holds.
   */
  gather?(
    gathered: Gathered<AdminAnswer<Given>, z.output<Query>>,
  ): AdminAnswer<Given> | Promise<AdminAnswer<Given>>;
}

export interface Gathered<Answer, Query = unknown> {
  /** What was asked, of each of them too. */
  readonly query: Query;
  /** What the primary would say, who serves nobody. */
  own(): Promise<Answer>;
  /** Of each that answered, and at least one. */
  readonly answers: readonly { readonly worker: number; readonly answer: Answer }[];
}

/** Any row. What its handler takes is checked by its own schemas before. */
export type AdminRoute = Row<z.ZodType, z.ZodType, z.ZodType, Answers>;

/** Holds a row's handler to the row's schemas. */
export function adminRoute<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  const Given extends Answers,
>(row: Row<Params, Query, Body, Given>): AdminRoute {
  return row as unknown as AdminRoute;
}

/** No name has a control character or half of one in it, and not every database can be asked for such a thing. */
export const plainText = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must hold no control characters');

/** Part of the query of every route of scope `tenant`. */
export const tenantQuery = {
  tenant: plainText
    .max(256)
    .optional()
    .describe(
      'Whose things are meant. Only the people of the gateway may name another tenant than their own.',
    ),
};

/** What a row takes in its query, whether it says so itself or not. */
export function queryOf({ query, scope }: Pick<AdminRoute, 'query' | 'scope'>): z.ZodType {
  return query ?? (scope === 'tenant' ? tenantAlone : nothing);
}

const tenantAlone = z.strictObject(tenantQuery);
const nothing = z.strictObject({});

export function changesSomething({ method, changes }: AdminRoute): boolean {
  return changes ?? method !== 'GET';
}
