import { z } from 'zod';

const logOptions = z.strictObject({
  level: z
    .enum(['error', 'warn', 'info', 'debug'])
    .default('info')
    .describe(
      'The least serious line that is written. `debug` adds failed attempts, listings and steps of reloads.',
    ),
});

const metricsOptions = z.strictObject({
  onClientPort: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe('Whether `/metrics` answers clients too. `auto`: on loopback freely, elsewhere with a key.'),
});

export const telemetryOptions = z.strictObject({
  logs: logOptions.prefault({}).describe('What is logged.'),
  metrics: metricsOptions.prefault({}).describe('Where metrics are read.'),
});
