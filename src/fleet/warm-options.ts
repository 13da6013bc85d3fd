import { z } from 'zod';
import { milliseconds, modelName } from '../lib/options.ts';

const yearMs = 31_536_000_000;
const copiesMax = 256;
const modelsMax = 1_000;

const keepAliveMs = z
  .int()
  .min(1_000)
  .max(yearMs)
  .optional()
  .describe(
    'How long servers keep a model that nobody asks for. Sent with each request that does not say itself; the server’s ' +
      'own choice (five minutes with Ollama) when absent.',
  );
const idleUnloadMs = milliseconds
  .min(1_000)
  .optional()
  .describe(
    'After so long without a request the gateway unloads a model, whoever loaded it; never when absent.',
  );

const copies = z
  .strictObject({
    min: z
      .int()
      .min(0)
      .max(copiesMax)
      .default(0)
      .describe('Copies that are loaded whether they are asked for or not.'),
    max: z
      .int()
      .min(1)
      .max(copiesMax)
      .describe(
        'Copies there may be at most. Where as many servers hold the model, requests wait for those and have it loaded ' +
          'nowhere else.',
      ),
  })
  .refine(({ min, max }) => min <= max, { path: ['min'], error: 'is more than `max`' });

const warmModel = z.strictObject({
  keepAliveMs,
  idleUnloadMs,
  prompt: z
    .string()
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      'Asked once after each load by the gateway, for one token: what is done at a first request is done then.',
    ),
  copies: copies
    .optional()
    .describe('How many servers hold it at once: copies are loaded and unloaded as it is asked for.'),
});

export const warmOptions = z.strictObject({
  onStart: z
    .array(modelName)
    .max(modelsMax)
    .default([])
    .describe(
      'Models to load at the start, and when a reload adds them: on every server of their first tier that can be asked, ' +
        'or as many as `copies` says.',
    ),
  waitForReady: z
    .boolean()
    .default(false)
    .describe('Whether `/readyz` says `starting` until the models of `onStart` are loaded, or could not be.'),
  keepAliveMs,
  idleUnloadMs,
  models: z.record(modelName, warmModel).default({}).describe('What holds for single models, by name.'),
});
