/** `secrets:` in the configuration: where secrets come from, and what seals those that are kept. */
import { z } from 'zod';
import { milliseconds, secret } from '../lib/options.ts';

const masterKey = secret.describe(
  'What seals the keys of all that is kept sealed: 32 random bytes in hexadecimal or base64, from `env:`, `file:`, ' +
    '`vault:` or `aws-sm:`. The same for all replicas. Without it one is made in `data`.',
);

const previousMasterKeysMax = 8;
const mount = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/,
    'must be the path that the engine is mounted at, such as `secret`',
  );
const httpUrl = z
  .string()
  .max(2_048)
  .regex(/^https?:\/\/[^\s/@?#]+(?:\/[^\s?#]*)?$/, 'must be an address such as https://vault.internal:8200');

const tokenAuth = z.strictObject({
  token: secret.describe('A token: it is renewed before it ends, for as long as Vault allows that.'),
});

const appRoleAuth = z.strictObject({
  appRole: z
    .strictObject({
      roleId: secret.describe('The id of the role.'),
      secretId: secret.describe('The secret of the role. Read again at each reload.'),
      mount: mount.default('approle').describe('Where the AppRole method is mounted.'),
    })
    .describe('Logging in as a role.'),
});

const kubernetesAuth = z.strictObject({
  kubernetes: z
    .strictObject({
      role: z.string().min(1).max(256).describe('The role in Vault that the service account may take.'),
      mount: mount.default('kubernetes').describe('Where the Kubernetes method is mounted.'),
      tokenFile: z
        .string()
        .min(1)
        .default('/var/run/secrets/kubernetes.io/serviceaccount/token')
        .describe('The token of the service account. Read again at each login.'),
    })
    .describe('Logging in as the pod’s service account.'),
});

const vaultOptions = z.strictObject({
  url: httpUrl.describe('The address of Vault or OpenBao.'),
  auth: z
    .union([tokenAuth, appRoleAuth, kubernetesAuth], {
      error: 'must have one of `token`, `appRole: { roleId, secretId }` and `kubernetes: { role }`',
    })
    .describe('How the gateway proves who it is. These secrets are `env:` or `file:`.'),
  mount: mount.default('secret').describe('Where the key-value engine, version 2, is mounted.'),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$/)
    .optional()
    .describe('The namespace, where there are several.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A file with the certificates that vouch for Vault, in place of those that the machine trusts.',
    ),
});

const awsOptions = z.strictObject({
  region: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('The region; found as AWS’s own tools find it unless given.'),
  endpoint: httpUrl.optional().describe('Another address than the region’s own.'),
});

export const secretsOptions = z.strictObject({
  vault: vaultOptions.optional().describe('What `vault:path/to/secret#field` asks.'),
  aws: awsOptions
    .prefault({})
    .describe(
      'What `aws-sm:name` and `aws-sm:name#field` ask. Credentials are found as AWS’s own tools find them.',
    ),
  folder: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The one folder of files that owners may refer to by `file:` through the admin API. Relative to the file that names it.',
    ),
  refreshMs: milliseconds
    .min(1_000)
    .default(300_000)
    .describe('How often secrets that lie elsewhere than in the configuration are read again.'),
  masterKey: masterKey.optional(),
  previousMasterKeys: z
    .array(secret)
    .max(previousMasterKeysMax)
    .default([])
    .describe(
      'Master keys that still open what they sealed, and seal nothing any more. See docs/secrets.md.',
    ),
  sealSpool: z
    .boolean()
    .default(true)
    .describe('Whether the lines of finished exchanges are sealed on their way to the ledger.'),
});

export type VaultOptions = z.infer<typeof vaultOptions>;
export type AwsOptions = z.infer<typeof awsOptions>;
