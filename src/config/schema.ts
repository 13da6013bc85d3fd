/** The whole tree, composed from the options of each part. Types, defaults, JSON Schema and docs come from here. */
import { z } from 'zod';
import { alertsOptions } from '../alerts/options.ts';
import { carryOnOptions, healthOptions, queueOptions, retriesOptions } from '../fleet/options.ts';
import { warmOptions } from '../fleet/warm-options.ts';
import { idempotencyOptions } from '../identity/idempotency-options.ts';
import { identityOptions } from '../identity/identity-options.ts';
import { allowParametersOption, limitsOptions } from '../identity/limit-options.ts';
import { authOption, operatorOptions } from '../identity/options.ts';
import { name } from '../lib/options.ts';
import { budgetsOptions } from '../money/budget-options.ts';
import { pricesOptions } from '../money/options.ts';
import { adminOptions, dnsOptions, drainOptions, listenOptions } from '../net/options.ts';
import { privacyOptions } from '../privacy/options.ts';
import { batchingOptions } from '../routing/batching-options.ts';
import { defaultModelOption, modelsOptions } from '../routing/options.ts';
import { sharingOptions } from '../routing/sharing-options.ts';
import { secretsOptions } from '../secrets/options.ts';
import { conversationsOptions, dataOption, spoolOptions } from '../stores/options.ts';
import { sharedStateOption } from '../stores/shared-options.ts';
import { durableStoreOption } from '../stores/store-options.ts';
import { telemetryOptions } from '../telemetry/options.ts';
import { keysOptions } from './key-options.ts';
import { upstreamsOptions } from './upstream-options.ts';
import { workersOption } from './workers-option.ts';

/** Read once, at start: a change takes a restart. */
const install = {
  listen: listenOptions
    .prefault({})
    .describe('The clients’ listener; its address alone may be written as text.'),
  admin: adminOptions.prefault({}).describe('The operators’ listener.'),
  zone: name
    .optional()
    .describe('Where this gateway stands: upstreams of its zone are asked first. See docs/regions.md.'),
  dns: dnsOptions.prefault({}).describe('How the names of upstreams are looked up.'),
  data: dataOption.describe('The folder for what the gateway keeps. Relative to the file that names it.'),
  store: durableStoreOption,
  shared: sharedStateOption,
  workers: workersOption,
  spool: spoolOptions.prefault({}).describe('Where finished exchanges wait for the store.'),
  conversations: conversationsOptions.prefault({}).describe('The conversations that the gateway keeps.'),
  secrets: secretsOptions
    .prefault({})
    .describe('Where secrets come from, and what seals what is kept. See docs/secrets.md.'),
  idempotency: idempotencyOptions
    .prefault({})
    .describe('Requests that carry an `Idempotency-Key`: done once, however often they are sent.'),
};

/** Read again at each reload. */
const hot = {
  zones: z
    .record(name, z.array(name).max(64))
    .default({})
    .describe(
      'For each zone the others, the nearest first: where none of a gateway’s own upstreams is free or well, those of the ' +
        'next zone are asked. Zones that are not named are equally far.',
    ),
  auth: authOption.describe(
    'How clients prove who they are: by keys of the gateway, by tokens of others (`identity.jwt`, ' +
      '`identity.introspection`), or either. `none` only while every listener is on loopback.',
  ),
  keys: keysOptions.describe('Keys of clients, beside those that the gateway made.'),
  identity: identityOptions
    .prefault({})
    .describe('Tenants, tokens and roles: who is believed, and for how long.'),
  defaultModel: defaultModelOption.describe(
    'The model for requests of the simple API that name none. The other APIs always name theirs.',
  ),
  upstreams: upstreamsOptions.describe('The servers, accounts and engines behind the gateway, by name.'),
  models: modelsOptions.describe('The models that clients see, by name.'),
  batching: batchingOptions
    .prefault({})
    .describe('Requests that are sent to an upstream in one call. See docs/batching.md.'),
  sharing: sharingOptions
    .prefault({})
    .describe('Equal requests that are given the answer of one call. See docs/equal-requests.md.'),
  queue: queueOptions.prefault({}).describe('Where requests wait for a slot.'),
  retries: retriesOptions
    .prefault({})
    .describe('What happens when a candidate fails before its first token.'),
  drain: drainOptions.prefault({}).describe('How the gateway stops. See docs/zero-downtime.md.'),
  carryOn: carryOnOptions
    .prefault({})
    .describe(
      'Streams that break off after their first token and are gone on with. See docs/streams-that-survive.md.',
    ),
  health: healthOptions.prefault({}).describe('How upstreams are watched.'),
  warm: warmOptions
    .prefault({})
    .describe('Models that are kept in their servers’ memory. See docs/warmth.md.'),
  limits: limitsOptions.describe(
    'Rates; all that apply must allow a request. None apply on loopback. See docs/limits.md.',
  ),
  prices: pricesOptions.describe(
    'What models cost, by name: a model of the gateway, `upstream/model`, a model as its upstream calls it, or an ' +
      'upstream for all that it serves. The nearest holds; where none stands, the catalogue of the clouds’ prices. ' +
      'See docs/costs.md.',
  ),
  budgets: budgetsOptions.describe(
    'What may be spent, in money, tokens or requests; all that apply must have enough left. See docs/budgets.md.',
  ),
  allowParameters: allowParametersOption.describe(
    'Parameters that reach engines although one request can hurt them: refused by name unless they stand here.',
  ),
  alerts: alertsOptions.prefault({}).describe('Who is told when something is wrong. See docs/alerts.md.'),
  privacy: privacyOptions
    .prefault({})
    .describe('What is kept of what people say and do. See docs/privacy.md.'),
  telemetry: telemetryOptions.prefault({}).describe('Logs and metrics.'),
  operator: operatorOptions.prefault({}).describe('What holders of the operator’s role may do.'),
};

export const configSchema = z.strictObject({ ...install, ...hot });
export const installKeys = Object.keys(install) as readonly (keyof InstallConfig)[];
export const hotKeys = Object.keys(hot) as readonly (keyof HotConfig)[];

const installSchema = z.strictObject(install);
const hotSchema = z.strictObject(hot);

export type InstallConfig = Frozen<z.output<typeof installSchema>>;
export type HotConfig = Frozen<z.output<typeof hotSchema>>;
export type Config = InstallConfig & HotConfig & Named;

interface Named {
  /** HOST:PORT of what neither the files nor an owner answers for: dialled as what a tenant names. */
  readonly strangers?: readonly string[] | undefined;
}

/** Read-only all the way down, except for values with behaviour of their own. */
type Frozen<T> = T extends { reveal(): string }
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Frozen<T[Key]> }
      : T;
