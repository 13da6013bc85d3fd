/** Tokens that others issue: whose are believed, and what their claims mean here. */
import { z } from 'zod';
import { milliseconds, name, secret } from '../lib/options.ts';
import { roles } from './options.ts';

/** Never a symmetric one: whoever can check such a token can also make one. */
export const signatures = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const issuersMax = 50;
const rowsMax = 1_000;

const claim = z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 visible characters without spaces');

/** Keys cross the wire there: who could change them on the way could sign whatever they like. */
const safeUrl = z
  .string()
  .max(2_048)
  .refine(isSafe, 'must be https://… without user and password; plain http only on this machine');

const plainUrl = z
  .string()
  .max(2_048)
  .refine((text) => urlOf(text) !== undefined, 'must be an http or https address without user and password');

const claims = z
  .strictObject({
    user: claim.default('sub').describe('The claim with the user’s name.'),
    tenant: claim.optional().describe('The claim that says the tenant, where one issuer serves several.'),
    team: claim.optional().describe('The claim with the team.'),
    roles: claim
      .default('roles')
      .describe(
        'The claim with roles, groups or scopes: a list, or words in one text. `realm_access.roles` goes inwards.',
      ),
  })
  .prefault({})
  .describe('Where things stand in a token.');

/** What is said of a person or program is read the same way, whichever way it came. */
const meaning = {
  claims,
  tenant: name.optional().describe('The tenant of all who come this way; `default` without `claims.tenant`.'),
  tenants: z
    .record(claim, name)
    .refine((rows) => Object.keys(rows).length <= rowsMax, `has more than ${rowsMax} rows`)
    .optional()
    .describe(
      'What the tenant’s claim says, and the tenant here. Other values are refused. Without it they are names.',
    ),
  roles: z
    .record(claim, z.enum(roles))
    .refine((rows) => Object.keys(rows).length <= rowsMax, `has more than ${rowsMax} rows`)
    .default({})
    .describe('What the roles’ claim says, and the role here. The first in the order of roles counts.'),
  defaultRole: z
    .enum(roles)
    .optional()
    .describe('The role of those for whom `roles` says nothing. Without it they may do nothing.'),
};

interface Meaning {
  readonly claims: { readonly tenant?: string | undefined };
  readonly tenant?: string | undefined;
  readonly tenants?: Readonly<Record<string, string>> | undefined;
  readonly roles: Readonly<Record<string, string>>;
  readonly defaultRole?: string | undefined;
}

function checkMeaning(given: Meaning, context: z.RefinementCtx): void {
  const complain = (path: string[], message: string) =>
    context.addIssue({ code: 'custom', path, message, input: given });
  if (given.claims.tenant !== undefined && given.tenant !== undefined)
    complain(['tenant'], 'contradicts `claims.tenant`: give one of them');
  if (given.claims.tenant === undefined && given.tenants !== undefined)
    complain(['tenants'], 'needs `claims.tenant`');
  if (Object.keys(given.roles).length === 0 && given.defaultRole === undefined)
    complain(['roles'], 'lets nobody in: give `roles` or `defaultRole`');
}

const audience = z
  .union([claim, z.array(claim).min(1).max(50)])
  .transform((value): readonly string[] => (typeof value === 'string' ? [value] : value));

const issuerName = name.describe('What logs, metrics and the ledger call it, before the user: `corp:alice`.');

const issuerOptions = z
  .strictObject({
    name: issuerName,
    issuer: plainUrl.describe('As it stands in the tokens’ `iss`, to the letter.'),
    audience: audience.describe(
      'What must stand in `aud`: a token for others is none for us. One or several.',
    ),
    jwksUrl: plainUrl
      .optional()
      .describe(
        'Where its keys are. Without it they are looked up under the issuer’s address, by discovery.',
      ),
    algorithms: z
      .array(z.enum(signatures))
      .min(1)
      .default(['RS256', 'PS256', 'ES256', 'EdDSA'])
      .describe('How its tokens may be signed. What a token says of itself decides nothing.'),
    clockToleranceMs: z
      .int()
      .min(0)
      .max(300_000)
      .default(30_000)
      .describe('How far its clock and ours may be apart.'),
    ...meaning,
  })
  .superRefine((given, context) => {
    checkMeaning(given, context);
    if (given.jwksUrl === undefined && !isSafe(given.issuer)) {
      const message = 'is looked up over plain http: use https, or say where its keys are by `jwksUrl`';
      context.addIssue({ code: 'custom', path: ['issuer'], message, input: given.issuer });
    }
  });

export const jwtOptions = z.strictObject({
  issuers: z
    .array(issuerOptions)
    .min(1)
    .max(issuersMax)
    .superRefine((issuers, context) => {
      issuers.forEach(({ issuer, name: called }, index) => {
        const before = issuers.slice(0, index);
        if (before.some((other) => other.issuer === issuer))
          context.addIssue({ code: 'custom', path: [index, 'issuer'], message: 'stands here twice' });
        if (before.some((other) => other.name === called))
          context.addIssue({
            code: 'custom',
            path: [index, 'name'],
            message: 'is the name of another issuer',
          });
      });
    })
    .describe('Those whose signed tokens are believed.'),
});

export const introspectionOptions = z
  .strictObject({
    name: issuerName,
    url: safeUrl.describe('Where tokens are asked about (RFC 7662).'),
    clientId: claim.describe('As whom the gateway asks.'),
    clientSecret: secret.describe('The secret of that client.'),
    audience: audience.optional().describe('What must stand in `aud`, where the server tells it.'),
    cacheMs: z
      .int()
      .min(1)
      .max(60_000)
      .default(30_000)
      .describe('How long an answer is believed: a token that was revoked works as long.'),
    ...meaning,
  })
  .superRefine(checkMeaning);

/** Where the issuer sends people back to. */
export const signInPath = '/admin/sign-in/callback';

export const oidcOptions = z
  .strictObject({
    name: issuerName,
    issuer: safeUrl.describe('Where people sign in to the console: found by discovery.'),
    clientId: claim.describe('The gateway, as the issuer knows it.'),
    clientSecret: secret
      .optional()
      .describe('Its secret; without it the client is a public one, by PKCE alone.'),
    redirectUrl: safeUrl
      .refine((text) => urlOf(text)?.pathname === signInPath, `must end in ${signInPath}`)
      .describe('Where browsers come back to: the admin listener as people reach it.'),
    scopes: z.array(claim).max(50).default(['openid', 'profile', 'email']).describe('What is asked for.'),
    sessionMs: milliseconds.default(28_800_000).describe('After which time everybody signs in again.'),
    idleMs: milliseconds.default(1_800_000).describe('After which time without a request a session ends.'),
    ...meaning,
  })
  .superRefine(checkMeaning);

export type IssuerConfig = Omit<z.output<typeof issuerOptions>, 'algorithms'> & {
  readonly algorithms: readonly string[];
};
export type IntrospectionConfig = z.output<typeof introspectionOptions>;
export type OidcConfig = Omit<z.output<typeof oidcOptions>, 'scopes'> & {
  readonly scopes: readonly string[];
};

function isSafe(text: string): boolean {
  const url = urlOf(text);
  return url !== undefined && (url.protocol === 'https:' || loopback.test(url.hostname));
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

function urlOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '';
  return isPlain && (url.protocol === 'https:' || url.protocol === 'http:') ? url : undefined;
}
