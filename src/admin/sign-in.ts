/** Signing in to the console: to the issuer and back, by an authorization code with PKCE, state and nonce. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Auditor } from '../core/audit.ts';
import { asFailure, type Failure, fail } from '../core/failure.ts';
import { principalOf } from '../identity/claims.ts';
import type { AskIssuer } from '../identity/issuer-request.ts';
import { assertStanding, type KnownEntry } from '../identity/standing.ts';
import type { OidcConfig } from '../identity/token-options.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { AdminActor } from './actor.ts';
import { cookieOf, cookieText } from './cookies.ts';
import { IdentityProvider, ProviderAway } from './identity-provider.ts';
import { type PendingSignIns, pendingMs } from './pending-sign-ins.ts';
import { digestOf, type Session, type Sessions } from './sessions.ts';

export interface SignInOptions {
  /** Read at each sign-in: a reload may change it. */
  readonly config: () => OidcConfig | undefined;
  readonly sessions: Sessions;
  readonly pending: PendingSignIns;
  readonly ask: AskIssuer;
  readonly auditor: Auditor;
  readonly known: KnownEntry;
  readonly homeTenant: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** So that many who sign in at once ask the issuer once who it is. */
const providerMs = 60_000;

export class SignIn {
  readonly #options: SignInOptions;
  #provider:
    | { readonly of: OidcConfig; readonly untilMs: number; readonly found: Promise<IdentityProvider> }
    | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /** Where to send the browser, and the cookie it comes back with. */
  async begin(): Promise<{ readonly location: string; readonly cookie: string }> {
    const provider = await this.#findProvider();
    const { location, secrets } = await provider.begin();
    const value = await this.#options.pending.seal(secrets);
    const secure = isSecure(provider.config);
    return { location, cookie: cookieText('sign-in', { value, maxAgeS: pendingMs / 1000, secure }) };
  }

  /** The session's cookie. Throws what went wrong; all of it is written down. */
  async finish(cameBack: CameBack): Promise<{ readonly actor: AdminActor; readonly cookie: string }> {
    const { auditor, sessions } = this.#options;
    let actor: AdminActor;
    let config: OidcConfig;
    try {
      ({ actor, config } = await this.#prove(cameBack));
    } catch (thrown) {
      const { code, message } = asFailure(thrown);
      auditor.refuse({ ...act(cameBack), detail: { code, message } });
      throw thrown;
    }
    const { name, tenant, role } = actor;
    const end = await auditor.begin({ ...act(cameBack), actor: name, tenant, detail: { role } });
    const value = await sessions.begin(actor, config).catch(async (thrown: unknown) => {
      await end('failed');
      throw thrown;
    });
    await end('done');
    const maxAgeS = Math.ceil(config.sessionMs / 1000);
    return { actor, cookie: cookieText('session', { value, maxAgeS, secure: isSecure(config) }) };
  }

  /** Of a request that carries one. Throws `forbidden` where it could be a page's of another site. */
  async find(request: FastifyRequest): Promise<AdminActor | undefined> {
    const session = await this.session(request.headers.cookie);
    if (session === undefined) return undefined;
    assertStanding(session.actor, this.#options.known);
    if (!safe.has(request.method)) {
      const given = request.headers['x-millrace-csrf'];
      if (typeof given !== 'string' || !isSame(given, session.csrf))
        throw fail(
          'forbidden',
          'send the session’s `csrf` as x-millrace-csrf: GET /admin/api/v1/session tells it',
        );
    }
    return session.actor;
  }

  /** Without anybody to sign in by, nobody is signed in. */
  async session(cookies: string | undefined): Promise<Session | undefined> {
    const config = this.#options.config();
    const id = config === undefined ? undefined : cookieOf(cookies, 'session', isSecure(config));
    return config === undefined || id === undefined ? undefined : await this.#options.sessions.of(id, config);
  }

  /** The cookie that takes the session's place. */
  async end(cookies: string | undefined): Promise<string> {
    const config = this.#options.config();
    const secure = config !== undefined && isSecure(config);
    const id = cookieOf(cookies, 'session', secure);
    if (id !== undefined) await this.#options.sessions.end(id);
    return cookieText('session', { value: '', maxAgeS: 0, secure });
  }

  async #prove({ query, cookies }: CameBack): Promise<{ actor: AdminActor; config: OidcConfig }> {
    const provider = await this.#findProvider();
    const value = cookieOf(cookies, 'sign-in', isSecure(provider.config));
    const secrets = value === undefined ? undefined : await this.#options.pending.open(value);
    if (secrets === undefined)
      throw fail('forbidden', 'this browser did not begin to sign in here, or took too long; begin again');
    const claims = await provider.finish(query, secrets).catch((cause: unknown) => {
      throw this.#unproved(cause, query);
    });
    const { known, homeTenant } = this.#options;
    const { keyName: name, ...rest } = principalOf(claims, { ...provider.config, homeTenant: homeTenant() });
    assertStanding(rest, known);
    return { actor: { name, how: 'session', ...rest }, config: provider.config };
  }

  /** Who is away is not the caller's fault; why something is not proved is for the log alone. */
  #unproved(cause: unknown, query: URLSearchParams): Failure {
    const message = cause instanceof Error ? cause.message : String(cause);
    this.#options.log.warn({ message }, 'somebody who came back from the issuer is not signed in');
    if (isAway(cause)) return away(cause);
    const denied = query.get('error') === 'access_denied';
    return fail(
      'forbidden',
      denied ? 'the issuer says: access denied' : 'the issuer’s answer proves nothing; begin again',
      {
        cause,
      },
    );
  }

  #findProvider(): Promise<IdentityProvider> {
    const { config: read, clock, ask } = this.#options;
    const config = read();
    if (config === undefined)
      throw fail(
        'not_found',
        'nobody can sign in here: `identity.oidc` names no issuer; use a key or the admin token',
      );
    const known = this.#provider;
    if (known?.of === config && clock.now() < known.untilMs) return known.found;
    const found = IdentityProvider.discover(config, ask).catch((cause: unknown) => {
      this.#provider = undefined;
      this.#options.log.error({ message: String(cause) }, 'where people sign in cannot be asked');
      throw away(cause);
    });
    this.#provider = { of: config, untilMs: clock.now() + providerMs, found };
    return found;
  }
}

export interface CameBack {
  readonly query: URLSearchParams;
  readonly cookies: string | undefined;
  readonly address: string;
}

/** Compares digests: how long it takes tells nothing. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(digestOf(given)), Buffer.from(digestOf(expected)));
}

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD']);

function act({ address }: CameBack) {
  return { actor: '', tenant: '', address, action: 'session.begin', object: '' };
}

function isSecure({ redirectUrl }: OidcConfig): boolean {
  return redirectUrl.startsWith('https:');
}

function away(cause: unknown) {
  return fail('dependency_unavailable', 'where people sign in cannot be reached now; try again', {
    retryAfterS: 5,
    cause,
  });
}

function isAway(thrown: unknown): boolean {
  return thrown instanceof ProviderAway || (thrown instanceof Error && isAway(thrown.cause));
}
