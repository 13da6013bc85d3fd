/** What an issuer says of someone, read as who that is here. What it does not say clearly is refused, never guessed. */
import type { JsonObject } from '../core/call.ts';
import type { Principal, Role } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';
import { name as nameOption } from '../lib/options.ts';
import { roles as rolesInOrder } from './options.ts';

export interface ClaimMeaning {
  readonly name: string;
  readonly claims: {
    readonly user: string;
    readonly tenant?: string | undefined;
    readonly team?: string | undefined;
    readonly roles: string;
  };
  readonly tenant?: string | undefined;
  readonly tenants?: Readonly<Record<string, string>> | undefined;
  readonly roles: Readonly<Record<string, Role>>;
  readonly defaultRole?: Role | undefined;
  /** The tenant that runs the gateway: whoever chooses a tenant's name at the issuer must not choose this one. */
  readonly homeTenant?: string | undefined;
}

const valuesMax = 1_000;

export function principalOf(claims: JsonObject, meaning: ClaimMeaning): Principal {
  // Taken without its proof such a token would serve whoever has stolen it: against that it was bound.
  if (claims['cnf'] !== undefined)
    throw refused('the token is bound to a key or certificate of its holder, which is not looked at here');
  const client = clientOf(claims);
  const program = isProgram(claims, client) ? client : undefined;
  const user = program === undefined ? userOf(claims, meaning) : '';
  return {
    keyName: `${meaning.name}:${program ?? user}`,
    tenant: tenantOf(claims, meaning),
    team: teamOf(claims, meaning),
    user,
    ...(program === undefined ? {} : { program }),
    role: roleOf(claims, meaning),
  };
}

/** The program that asked for the token. Every issuer has a name of its own for it. */
function clientOf(claims: JsonObject): string | undefined {
  for (const claim of ['client_id', 'azp', 'cid', 'appid', 'clientId'] as const) {
    const value = claims[claim];
    if (typeof value === 'string' && visible.test(value)) return value;
  }
  return undefined;
}

/**
 * A token of the client-credentials grant is a program's own. The standard says so by `sub` being the client; issuers that
 * came before it say it otherwise, and none of these signs stands in the token of a person.
 */
function isProgram(claims: JsonObject, client: string | undefined): boolean {
  if (client === undefined) return false;
  const { sub } = claims;
  if (sub === undefined || sub === client || sub === `${client}@clients`) return true;
  const account = claims['preferred_username'];
  return (
    claims['gty'] === 'client-credentials' ||
    claims['idtyp'] === 'app' ||
    (typeof account === 'string' && account === `service-account-${client.toLowerCase()}`)
  );
}

const visible = /^[^\s\p{C}]{1,256}$/u;

function userOf(claims: JsonObject, meaning: ClaimMeaning): string {
  const place = meaning.claims.user;
  const user = valueAt(claims, place);
  // Anybody can write somebody else's address into a form. Some issuers say it in words.
  if (place === 'email' && String(claims['email_verified']) === 'false')
    throw refused('the issuer says that nobody has shown whose the e-mail address is');
  if (typeof user === 'string' && visible.test(user)) return user;
  throw refused(
    `the token's claim "${meaning.claims.user}" must name the user, in at most 256 visible characters`,
  );
}

function tenantOf(claims: JsonObject, meaning: ClaimMeaning): string {
  const { claims: places, tenant, tenants, homeTenant } = meaning;
  if (places.tenant === undefined) return tenant ?? 'default';
  const said = valueAt(claims, places.tenant);
  if (typeof said !== 'string') throw refused(`the token's claim "${places.tenant}" must name the tenant`);
  const found = tenants === undefined ? said : Object.hasOwn(tenants, said) ? tenants[said] : undefined;
  if (found === undefined || !nameOption.safeParse(found).success)
    throw refused(`the tenant in the token's claim "${places.tenant}" is not known here`);
  if (tenants === undefined && found === homeTenant)
    throw refused('only a row of `tenants` leads to the tenant that runs the gateway');
  return found;
}

function teamOf(claims: JsonObject, { claims: places }: ClaimMeaning): string {
  const said = places.team === undefined ? undefined : valueAt(claims, places.team);
  if (said === undefined || said === null) return '';
  if (typeof said === 'string' && nameOption.safeParse(said).success) return said;
  throw refused(`the token's claim "${places.team}" must be one team's name`);
}

function roleOf(claims: JsonObject, { claims: places, roles, defaultRole }: ClaimMeaning): Role {
  const said = wordsOf(valueAt(claims, places.roles));
  const held = new Set<Role>();
  for (const word of said) {
    const role = Object.hasOwn(roles, word) ? roles[word] : undefined;
    if (role !== undefined) held.add(role);
  }
  const role = rolesInOrder.find((each) => held.has(each)) ?? defaultRole;
  if (role === undefined)
    throw refused(
      `nothing in the token's claim "${places.roles}" is a role here; ask the gateway's operator`,
    );
  return role;
}

function wordsOf(value: unknown): readonly string[] {
  const values = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return values.slice(0, valuesMax).filter((word) => typeof word === 'string');
}

/** By the whole name first: some issuers' claims are named by addresses, which are full of dots. */
function valueAt(claims: JsonObject, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const step of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

function refused(message: string) {
  return fail('forbidden', message);
}
