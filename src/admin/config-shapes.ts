/** What the configuration's routes take and answer. */
import { z } from 'zod';
import { configSources } from '../core/config-version.ts';
import { problemDetailsShape, problemShape } from './shapes.ts';

export const configTextCharsMax = 262_144;
/** JSON may take several bytes for a character. */
export const configBodyBytesMax = 1_048_576;

export const textBody = z.strictObject({
  text: z
    .string()
    .max(configTextCharsMax)
    .describe(
      'All that is read again at each reload, as YAML or JSON; comments are kept. What is left out has its default.',
    ),
});

export const rollbackBody = z.strictObject({
  version: z.int().min(1).describe('Which version of the history is to be in force again.'),
});

export const forceQuery = z.strictObject({
  force: z
    .enum(['', 'true', 'false'])
    .optional()
    .describe('Whether it is to be done although it shuts out whoever asks for it.'),
});

export const historyQuery = z.strictObject({
  before: z.coerce.number().int().min(1).optional().describe('Versions before this one; the newest first.'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export const versionParams = z.strictObject({ version: z.coerce.number().int().min(1) });

const versionFacts = {
  version: z.int(),
  at: z.iso.datetime(),
  by: z.string().describe('Who, as the audit log names him; `file` where somebody wrote the file.'),
  source: z.enum(configSources),
  note: z.string(),
  masked: z
    .boolean()
    .describe('Whether `***` stands in its text for secrets that are written out in the file on disk.'),
};

const versionShape = z.object(versionFacts);
export const versionTextShape = z.object({ ...versionFacts, text: z.string() });

export const historyShape = z.object({
  items: z.array(versionShape),
  /** Give it as `before` for the next page; absent on the last. */
  next: z.int().optional(),
});

export const configShape = z.object({
  id: z.string().describe('Of what is in force on this gateway: equal for equal configurations.'),
  version: z.int().describe('The last one of the history; 0 where nobody ever applied anything.'),
  from: z
    .enum(['file', 'applied'])
    .describe('Whether the file on disk is in force, or what was applied over it.'),
  etag: z.string().describe('What `If-Match` names in a change of it: the header `ETag` says the same.'),
  files: z.array(z.string()),
  warnings: z.array(z.string()),
  text: z.string().describe('All that can be applied, as it is written; without secrets.'),
  masked: z.boolean(),
  /** As in force, with every default; secrets read `***`. */
  config: z.record(z.string(), z.unknown()),
});

export const validatedShape = z.object({
  valid: z.boolean(),
  /** What it would have as its id; absent where it is not valid. */
  configId: z.string().optional(),
  problems: z.array(problemShape),
  warnings: z.array(z.string()),
});

export const diffShape = z.object({
  configId: z.string(),
  changes: z.array(
    z.object({
      path: z.string(),
      kind: z.enum(['added', 'removed', 'changed']),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
    }),
  ),
  /** Changes beyond those that are shown. */
  more: z.int(),
  /** Upstreams to which new connections would be opened, and those that would be let go. */
  opened: z.array(z.string()),
  closed: z.array(z.string()),
  /** Settings of the file that wait for a restart: none of them can be applied. */
  needsRestart: z.array(z.string()),
});

export const appliedShape = z.object({
  version: z.int(),
  configId: z.string(),
  /** On the gateway that was asked; the others take it over within seconds. */
  outcome: z.enum(['taken', 'unchanged', 'refused']),
  warnings: z.array(z.string()),
});

/** Problem details with all that is wrong, each at its place; `proposed` is the text that was sent. */
export const refusedShape = z.object({
  ...problemDetailsShape.shape,
  problems: z.array(problemShape),
});
