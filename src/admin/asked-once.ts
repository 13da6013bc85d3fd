/** A change that carries an `Idempotency-Key` is made once, by the rules of the clients' APIs (C12). */
import { asFailure, type Failure } from '../core/failure.ts';
import type { Claims, KeptReply } from '../core/replay.ts';
import { claimOf, mayBegin, replayedHeader } from '../identity/idempotency.ts';
import type { AdminActor } from './actor.ts';
import type { Around } from './register.ts';
import { type AdminCall, type AdminRoute, changesSomething } from './route.ts';

export interface AskedOnceOptions {
  /** Absent where keys are switched off. */
  readonly claims: Claims | undefined;
  /** A larger answer is not kept. */
  readonly bytesMax: number;
}

type Given = Awaited<ReturnType<Around>>;

export function askedOnce({ claims, bytesMax }: AskedOnceOptions): Around {
  return async (row, call, next) => {
    const header = call.headers['idempotency-key'];
    if (claims === undefined || header === undefined || !mayBeRepeated(row)) return await next();
    const begun = mayBegin(await claims.begin(claimOf(asked(row, call, header))));
    if ('status' in begun) return again(begun);
    try {
      const given = await next();
      const body = Buffer.from(JSON.stringify(given));
      const kept = { status: given.status, headers: [], body };
      await begun.end(body.length > bytesMax ? 'too-large' : kept);
      return given;
    } catch (thrown) {
      const failure = asFailure(thrown);
      await begun.end(wasDone(failure) ? mistake(failure) : 'undone');
      throw thrown;
    }
  };
}

/** The other methods do the same however often they are sent. Nobody signs in on another's behalf. */
export function mayBeRepeated(row: AdminRoute): boolean {
  return (
    row.method === 'POST' && row.permission !== 'public' && row.streams !== true && changesSomething(row)
  );
}

function asked(row: AdminRoute, call: AdminCall, header: string | readonly string[]) {
  const { actor, tenant, params, query, body } = call;
  return {
    header,
    principal: principalOf(actor),
    // An answer may hold a key: nobody who only has the name of another is told it.
    what: [row.name, tenant, actor.name, actor.how, actor.role],
    body: Buffer.from(JSON.stringify([params, query, body ?? null])),
  };
}

function principalOf({ name, tenant, team, user, role }: AdminActor) {
  return { keyName: name, tenant, team, user, role };
}

/** As it was given: the row's schema looks at it again on its way out. */
function again({ body }: KeptReply): Given {
  const given = JSON.parse(Buffer.from(body).toString()) as Given;
  const [name, value] = replayedHeader;
  return { ...given, headers: { ...given.headers, [name]: value } };
}

/** What was refused for a reason changed nothing, and neither did what could not be written down. */
function wasDone({ blame, code }: Failure): boolean {
  return blame !== 'client' && blame !== 'policy' && code !== 'dependency_unavailable';
}

function mistake({ status, message, code }: Failure): KeptReply {
  const told = { type: 'about:blank', title: 'Error', status, detail: message, code };
  const given: Given = { status, type: 'application/problem+json', text: JSON.stringify(told) };
  return { status, headers: [], body: Buffer.from(JSON.stringify(given)) };
}
