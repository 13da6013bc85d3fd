import { z } from 'zod';

const duration = z.int().min(0).max(86_400_000);
const share = z.number().min(0).max(1);

export const simulatorOptions = z
  .strictObject({
    type: z.literal('simulator').describe('The built-in engine without a model.'),
    firstTokenMs: duration.default(200).describe('How long it thinks before its first token.'),
    tokensPerSecond: z
      .number()
      .min(0)
      .max(1_000_000)
      .default(50)
      .describe('How fast it writes after that; 0 is as fast as possible.'),
    slots: z.int().min(1).max(65_536).default(4).describe('Requests it works on at once.'),
    contextSize: z
      .int()
      .min(16)
      .max(100_000_000)
      .default(8_192)
      .describe('Tokens of prompt and answer it takes.'),
    loadMs: duration.default(0).describe('How long its model takes to load at the first request.'),
    unloadAfterMs: duration
      .default(300_000)
      .describe('How long it idles before its model has to load again.'),
    jitter: share.default(0).describe('How far its times vary: 0.2 is 20 percent either way.'),
    failureRate: share.default(0).describe('The share of requests that it fails.'),
    failures: z
      .array(z.enum(['status', 'cut', 'stall']))
      .min(1)
      .default(['status', 'cut', 'stall'])
      .describe('How it fails: with a status of 500, by breaking off half-way, by falling silent half-way.'),
    reasoning: z
      .boolean()
      .default(false)
      .describe('Whether it reasons before it answers, without being asked.'),
    embeddingDimensions: z
      .int()
      .min(1)
      .max(4_096)
      .default(384)
      .describe('The length of its vectors, where the request names none.'),
    seed: z.int().default(1).describe('Equal seeds and equal requests give equal answers.'),
  })
  .describe('A deterministic engine in the gateway itself, to try and load-test anything without a model.');

type Parsed = z.output<typeof simulatorOptions>;
export type SimulatorOptions = Readonly<Omit<Parsed, 'type' | 'failures'>> & {
  readonly failures: Readonly<Parsed['failures']>;
};
