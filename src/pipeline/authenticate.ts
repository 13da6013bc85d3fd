/** Who is calling, and whether this route is theirs: the only place that decides it (G1). */
import type { Authenticated, Matched, Permission, Principal, Scopes } from '../core/exchange.ts';
import { Failure, fail } from '../core/failure.ts';
import type { KeyStore } from '../core/ports.ts';
import type { Stage } from '../core/stage.ts';
import { reachOf } from '../identity/permissions.ts';
import { presentedKey } from '../identity/presented-key.ts';
import type { WrongKeys } from '../identity/wrong-keys.ts';

export interface AuthenticateOptions {
  readonly keys: KeyStore;
  /** When those are told who show none that is known. */
  readonly wrongKeys: Pick<WrongKeys, 'turn'>;
  /** Whether calls need a key at all; false only while every listener is on loopback. */
  readonly required: boolean;
  /** Whether `/metrics` may be read from loopback without a key, or only with one, or not at all. */
  readonly metrics: 'auto' | 'always' | 'never';
  /** Whether the operator's verbs work for callers that are not on this machine. */
  readonly operatorBeyondLoopback: boolean;
  /** The tenant that runs the gateway: models and metrics are everybody's, and so its people's alone. */
  readonly homeTenant: string;
}

const nobody: Principal = { keyName: '', tenant: 'default', team: '', user: '', role: 'viewer' };
const anyone: Principal = { keyName: 'none', tenant: 'default', team: '', user: '', role: 'operator' };

export function authenticate(options: AuthenticateOptions): Stage<Matched, Authenticated> {
  return (next) => {
    const admit = (exchange: Matched, principal: Principal) => {
      assertAllowed(options, exchange, principal);
      const { trail } = exchange;
      trail.keyName = principal.keyName;
      trail.tenant = principal.tenant;
      trail.team = principal.team;
      trail.user = principal.user;
      return next({ ...exchange, principal });
    };
    return (exchange) => {
      try {
        const found = identify(options, exchange);
        if (!(found instanceof Promise)) return admit(exchange, found);
        return found.then(
          (principal) => admit(exchange, principal),
          (refusal) => refuseInTurn(options, exchange, refusal),
        );
      } catch (refusal) {
        return refuseInTurn(options, exchange, refusal);
      }
    };
  };
}

/** Only who is not known waits for it: what an outage of ours refuses, and what a role may not do, is said at once. */
function refuseInTurn(
  { wrongKeys }: AuthenticateOptions,
  { signal }: Matched,
  refusal: unknown,
): Promise<never> {
  const turn =
    refusal instanceof Failure && refusal.code === 'invalid_api_key' ? wrongKeys.turn(signal) : undefined;
  return turn === undefined ? Promise.reject(refusal) : turn.then(() => Promise.reject(refusal));
}

function identify(options: AuthenticateOptions, exchange: Matched): Principal | Promise<Principal> {
  const { incoming, route } = exchange;
  const { permission } = route;
  if (permission === 'public') return nobody;
  if (permission === 'metrics') {
    if (options.metrics === 'never') throw fail('not_found', `there is nothing at ${exchange.incoming.path}`);
    if (options.metrics === 'always' || (incoming.onLoopback && foreignness(exchange) === undefined))
      return nobody;
    if (options.required) return byHiddenKey(options.keys, exchange);
  }
  return options.required ? byKey(options.keys, exchange) : withoutKey(exchange);
}

/** Who may not read the metrics is not told that there are any. */
async function byHiddenKey(keys: KeyStore, exchange: Matched): Promise<Principal> {
  try {
    return await byKey(keys, exchange);
  } catch (refusal) {
    if (refusal instanceof Failure && refusal.code === 'invalid_api_key')
      throw fail('not_found', `there is nothing at ${exchange.incoming.path}`);
    throw refusal;
  }
}

function byKey(keys: KeyStore, exchange: Matched): Principal | Promise<Principal> {
  const key = presentedKey(exchange.incoming);
  const found = key === undefined ? undefined : keys.find(key);
  if (found instanceof Promise) return found.then((principal) => principal ?? refuse(key));
  return found ?? refuse(key);
}

function refuse(key: string | undefined): never {
  throw key === undefined ? nothingSent : notKnown;
}

/** Made once: nobody reads where they were thrown, and to find that out takes 3 us, of some 60 that a guess takes in all. */
const nothingSent = fail('invalid_api_key', 'no API key was sent; send one as "Authorization: Bearer KEY"', {
  nothingSent: true,
});
const notKnown = fail(
  'invalid_api_key',
  'the API key is not known here; `millrace keys` on the gateway shows how to get one',
  { nothingSent: false },
);

function assertAllowed(
  options: AuthenticateOptions,
  { incoming, route }: Matched,
  principal: Principal,
): void {
  const { permission } = route;
  if (permission === 'public' || principal === nobody) return;
  if (reachOf(principal.role, permission) === undefined) {
    throw fail(
      'forbidden',
      `the key "${principal.keyName}" has the role ${principal.role}, which may not do this`,
    );
  }
  if (isGatewayWide(permission) && principal.tenant !== options.homeTenant && principal !== anyone) {
    throw fail('forbidden', `${route.name} is about the whole gateway: it is for the people who run it`);
  }
  if (principal.scopes !== undefined) assertInScope(principal.keyName, principal.scopes, { incoming, route });
  if (permission === 'operate' && !incoming.onLoopback && !options.operatorBeyondLoopback) {
    throw fail(
      'forbidden',
      'changing models is allowed from this machine only, until `operator.beyondLoopback` is set',
    );
  }
}

function isGatewayWide(permission: Permission): boolean {
  return permission === 'operate' || permission === 'metrics';
}

/** Models are looked at where they are known: by `plan`, and by the listings. */
function assertInScope(
  key: string,
  { routes, allowsAddress }: Scopes,
  { incoming, route }: Pick<Matched, 'incoming' | 'route'>,
): void {
  if (routes !== undefined && !routes.has(route.name)) {
    throw fail(
      'forbidden',
      `the key "${key}" is for other routes than ${route.name}: whoever gave it out can widen it`,
    );
  }
  if (allowsAddress !== undefined && !allowsAddress(incoming.remoteAddress)) {
    throw fail('forbidden', `the key "${key}" may not be used from ${incoming.remoteAddress}`);
  }
}

function withoutKey(exchange: Matched): Principal {
  const reason = foreignness(exchange);
  if (reason !== undefined) throw fail('forbidden', reason);
  return anyone;
}

/**
 * Without keys any web page the user visits could call us through their browser: a foreign Origin, and a Host that
 * is not this machine (DNS rebinding), are told apart from the user's own programs.
 */
function foreignness(exchange: Matched): string | undefined {
  const { host, origin } = exchange.incoming.headers;
  if (typeof origin === 'string' && origin !== `http://${host}` && origin !== `https://${host}`) {
    return 'calls from web pages need a key: set `auth: keys`';
  }
  if (typeof host === 'string' && !loopbackHost.test(host)) {
    return `"${host.slice(0, 100)}" is not a name of this machine's loopback`;
  }
  return undefined;
}

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
