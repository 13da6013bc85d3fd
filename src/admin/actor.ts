/** Who speaks to the admin API: the gateway's token, a key of a suitable role, or someone who signed in to the console. */
import type { FastifyRequest } from 'fastify';
import type { Role, Scopes } from '../core/exchange.ts';
import type { KeyStore } from '../core/ports.ts';
import { createTokenCheck } from './guard.ts';

export interface AdminActor {
  /** As the audit log names it. */
  readonly name: string;
  readonly tenant: string;
  readonly team: string;
  /** Empty where the credential is nobody's in particular: then nothing is its holder's own. */
  readonly user: string;
  readonly role: Role;
  readonly how: 'token' | 'key' | 'session';
  readonly scopes?: Scopes;
}

/** Of a request that carries one: whose session it is. Throws `forbidden` where it could be a page's of another site. */
export type FindSession = (
  request: FastifyRequest,
) => AdminActor | undefined | Promise<AdminActor | undefined>;

export interface ActorOptions {
  readonly token: string;
  /** Asked again at each request: a reload puts others in its place. */
  readonly keys: () => KeyStore;
  readonly homeTenant: () => string;
  readonly findSession: FindSession;
}

export const tokenName = 'admin-token';

/** Nothing where the request carries no credential, or one that is none of ours. */
export function createActorFinder(
  options: ActorOptions,
): (request: FastifyRequest) => Promise<AdminActor | undefined> {
  const isToken = createTokenCheck(options.token);
  return async (request) => {
    const { authorization } = request.headers;
    // Whoever sends a credential means that one: a wrong one is not made good by a cookie beside it.
    if (authorization === undefined) return await options.findSession(request);
    if (isToken(authorization)) {
      const tenant = options.homeTenant();
      return { name: tokenName, tenant, team: '', user: '', role: 'owner', how: 'token' };
    }
    const key = bearerOf(authorization);
    const principal = key === undefined ? undefined : await options.keys().find(key);
    if (principal === undefined) return undefined;
    const { keyName, ...rest } = principal;
    return { name: keyName, how: 'key', ...rest };
  };
}

function bearerOf(authorization: string): string | undefined {
  return /^Bearer +(\S{1,16384})$/i.exec(authorization)?.[1];
}
