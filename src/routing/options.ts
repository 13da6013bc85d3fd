import { z } from 'zod';
import { milliseconds, modelName, name } from '../lib/options.ts';
import { modelBatchingOptions } from './batching-options.ts';
import { defaultClocks } from './clocks.ts';
import { policyNames } from './policies/registry.ts';
import { modelSharingOption } from './sharing-options.ts';

const targetOptions = z.strictObject({
  upstream: name.describe('The name of an upstream.'),
  model: modelName.describe('The model as that upstream calls it.'),
  tier: z
    .int()
    .min(1)
    .max(16)
    .default(1)
    .describe(
      'Tier 2 is asked only when tier 1 cannot: when it is down, has failed, or had no free slot within `queueMs`. ' +
        'Tiers are for failures, not for sharing load.',
    ),
  weight: z
    .number()
    .positive()
    .max(1_000_000)
    .default(1)
    .describe(
      'Its share against the others of its tier, where the policy is `weighted`; with `auto` that of those that are as quick ' +
        'and as cheap.',
    ),
});

/** A request never lasts longer than this, whatever the file says. */
const totalMsMax = 3_600_000;

const clockOptions = z.strictObject({
  connectMs: milliseconds.default(defaultClocks.connectMs).describe('Until the upstream is connected.'),
  firstTokenMs: milliseconds
    .default(defaultClocks.firstTokenMs)
    .describe(
      'Until the first token of a model that is loaded. An answer that is no stream ends by it only where its ' +
        'upstream has fallen silent.',
    ),
  loadMs: milliseconds
    .default(defaultClocks.loadMs)
    .describe('Until the first token of a model that must load.'),
  idleMs: milliseconds
    .default(defaultClocks.idleMs)
    .describe('Between two tokens, or two pieces of an answer that is no stream.'),
  totalMs: milliseconds
    .max(totalMsMax)
    .default(defaultClocks.totalMs)
    .describe('For the whole answer, an hour at most.'),
  queueMs: milliseconds.default(defaultClocks.queueMs).describe('Waiting for a free slot.'),
});

const modelOptions = z.strictObject({
  targets: z
    .array(targetOptions)
    .min(1)
    .max(256)
    .describe('Where the model is served: each of a tier in its turn, the next tier when it cannot.'),
  policy: z
    .enum(policyNames)
    .default('auto')
    .describe(
      'How a target is chosen among those of a tier that have a slot free. `auto`: whoever will be done first, as learnt; ' +
        'then the cheapest, then the least busy. `weighted`: by `weight`. `least-busy`: by the part of the slots in use. ' +
        '`priority`: the order here. `round-robin` and `random` go by nothing. See docs/policies.md.',
    ),
  affinity: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe(
      'Whether `auto` keeps a conversation where its beginning is in memory, as long as that server is not much slower ' +
        'or busier than the others. `auto`: where a target is a server of your own.',
    ),
  fallback: z
    .array(modelName)
    .max(8)
    .default([])
    .describe('Other models, asked in this order when no target of this one can. Never for embeddings.'),
  batching: modelBatchingOptions
    .prefault({})
    .describe('What is sent together of its requests, where it differs from `batching`.'),
  sharing: modelSharingOption,
  clocks: clockOptions.prefault({}).describe('How long each phase of a request may take.'),
  carryOn: z
    .enum(['auto', 'off', 'on'])
    .default('auto')
    .describe(
      'Whether a stream that breaks off is gone on with by another target: `auto` where its server is known to go on ' +
        'with what another began, and the model is not known to refuse that, `on` wherever it is served.',
    ),
  context: z
    .literal('refuse')
    .default('refuse')
    .describe('What happens to a request that is too long for it.'),
});

export const modelsOptions = z.record(modelName, modelOptions).default({});
export const defaultModelOption = modelName.optional();
