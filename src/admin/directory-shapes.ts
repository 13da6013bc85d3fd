/** Tenants, teams, users and keys, as the admin API takes and shows them. */
import { z } from 'zod';
import { scopesOptions } from '../config/key-options.ts';
import { keyRules } from '../identity/key-rules.ts';
import { roles } from '../identity/options.ts';
import { name, userName } from '../lib/options.ts';
import { next, paging } from './listed-page.ts';
import { plainText, tenantQuery } from './route.ts';

const noneOr = (what: z.ZodType<string>) => z.union([z.literal(''), what]);

const kept = {
  active: z.boolean(),
  createdAt: z.iso.datetime(),
  /** Goes up with each change; in quotes it is the ETag. */
  version: z.int(),
};

export const entryParams = z.strictObject({ name: plainText.min(1).max(256) });

export const pageQuery = z.strictObject({
  ...tenantQuery,
  ...paging,
});

/** A page of anything. */
export function pageOf<Shape extends z.ZodType>(shape: Shape) {
  return z.object({
    items: z.array(shape),
    next,
  });
}

const keepContentDays = z
  .int()
  .min(0)
  .max(3_650)
  .describe('How many days prompts and answers are kept; 0 for not at all.');

export const tenantShape = z.object({ name: z.string(), keepContentDays: z.int(), ...kept });
export const tenantDraft = z.strictObject({ name, keepContentDays: keepContentDays.default(0) });
export const tenantChange = z.strictObject({
  keepContentDays: keepContentDays.optional(),
  active: z.boolean().optional(),
});

const role = z.enum(roles).describe('What its holder may do.');
const team = noneOr(name).describe('Empty for none.');
const offBy = z
  .enum(roles)
  .optional()
  .describe(
    'Of one that is switched off: by whom. It shuts nobody whom that role may not change. Absent where it shuts everybody.',
  );

export const teamShape = z.object({ tenant: z.string(), name: z.string(), offBy, ...kept });
export const teamDraft = z.strictObject({ name });
export const teamChange = z.strictObject({ active: z.boolean().optional() });

export const userShape = z.object({
  tenant: z.string(),
  name: z.string(),
  team: z.string(),
  role,
  service: z.boolean(),
  offBy,
  ...kept,
});
export const userDraft = z.strictObject({
  name: userName,
  team: team.default(''),
  role: role.default('developer'),
  service: z.boolean().default(false).describe('An account that a program signs in with.'),
});
export const userChange = z.strictObject({
  team: team.optional(),
  role: role.optional(),
  active: z.boolean().optional(),
});

const expiresAt = z.iso.datetime().nullable().describe('Null for never.');

export const keyShape = z.object({
  tenant: z.string(),
  name: z.string(),
  team: z.string(),
  user: z.string(),
  role,
  /** The key's last four characters. */
  hint: z.string(),
  scopes: z.object({
    models: z.array(z.string()),
    routes: z.array(z.string()),
    addresses: z.array(z.string()),
  }),
  expiresAt,
  /** Until when the key from before the last rotation opens too. */
  previousUntil: z.iso.datetime().nullable(),
  /** To a minute; null where it was never used. */
  lastUsedAt: z.iso.datetime().nullable(),
  ...kept,
  /** Of one that was made or changed just now: what its scopes name and nobody here has. */
  warnings: z.array(z.string()).optional(),
});
/** With the key itself, this once. */
export const madeKeyShape = keyShape.extend({ key: z.string() });
export const keyDraft = z.strictObject({
  name,
  team: team.default(''),
  user: noneOr(userName).default('').describe('Whose key it is; empty for nobody’s in particular.'),
  role: role.default('developer'),
  scopes: scopesOptions.prefault({}),
  expiresAt: expiresAt.default(null),
});
export const keyChange = z.strictObject({
  team: team.optional(),
  role: role.optional(),
  scopes: scopesOptions.optional(),
  expiresAt: expiresAt.optional(),
  active: z.boolean().optional(),
});
/** Without a body it is a rotation as usual. */
export const keyRotation = z.preprocess(
  (body) => body ?? {},
  z.strictObject({
    overlapS: z
      .int()
      .min(0)
      .max(keyRules.overlapMsMax / 1_000)
      .default(keyRules.overlapMs / 1_000)
      .describe('For how many seconds the key from before opens too; 0 ends it at once.'),
  }),
);
