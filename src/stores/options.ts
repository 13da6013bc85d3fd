import { z } from 'zod';
import { bytes } from '../lib/options.ts';

export const dataOption = z.string().min(1).default('./.millrace');

export const conversationsOptions = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether the gateway keeps any; without them each question stands alone.'),
  ttlS: z
    .int()
    .min(1)
    .max(31_536_000)
    .default(3_600)
    .describe('Seconds a conversation is kept after its last turn.'),
  bytes: bytes.prefault('64MiB').describe('What all conversations may hold together; the oldest go first.'),
  turns: z
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Messages kept of one conversation; the oldest go first.'),
});

export const spoolOptions = z.strictObject({
  bytes: bytes
    .prefault('1GiB')
    .refine((size) => size >= 64 * 1024, 'must be 64KiB or more')
    .describe(
      'What finished exchanges may take on the disk while the store is away, with room for the ends of those that go on, 2 KiB each. Beyond it what costs money is refused.',
    ),
});
