/** The kinds of value that the options of every part are made of. */
import { z } from 'zod';
import { parseBytes, parseRate } from './quantity.ts';
import { Secret } from './secret.ts';

const dayMs = 86_400_000;

/** A size such as `64MiB`; a bare number is bytes. */
export const bytes = z
  .union([z.int().min(0), z.string()], { error: 'must be a size such as 64MiB, or a number of bytes' })
  .transform((value, context) => {
    const parsed = typeof value === 'number' ? value : parseBytes(value);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: 'must be a size such as 64MiB, or a number of bytes' });
    return z.NEVER;
  });

/** A rate such as `600/min`. */
export const rate = z.string().transform((value, context) => {
  const parsed = parseRate(value);
  if (parsed !== undefined) return parsed;
  const message = 'must be a rate such as 600/min (per s, min, hour or day); what a month allows is a budget';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** At most a day, so that no timer overflows. */
export const milliseconds = z.int().min(1).max(dayMs);

/** As written it may still be a reference (`env:NAME`, `file:PATH`); loading puts the value in its place. */
export const secret = z
  .string()
  .min(1)
  .max(65_536)
  .transform((text) => new Secret(text));

/** Every object has something of these names, and to a client a path that ends in dots is another one. */
const isFree = (text: string) => !(text in {}) && text !== '.' && text !== '..';

/** A name that people give: it ends up in logs, metrics and addresses. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
  .refine(isFree, 'is a reserved word');

/** The name of a user: one that people give, an e-mail address, or what an issuer of tokens calls its subject. */
export const userName = z
  .string()
  .regex(/^[^\s\p{C}]{1,256}$/u, 'must be 1 to 256 visible characters without spaces')
  .refine(isFree, 'is a reserved word');

/** The name of a model, ours or an upstream's: `gemma2:2b`, `org/model`. */
export const modelName = z
  .string()
  .regex(/^[^\s\p{C}]{1,256}$/u, 'must be 1 to 256 visible characters without spaces')
  .refine(isFree, 'is a reserved word');

/** An object that may also be written as the text of one of its keys. */
export function orText<Shape extends z.ZodRawShape>(key: keyof Shape & string, shape: Shape) {
  return z
    .preprocess((value) => (typeof value === 'string' ? { [key]: value } : value), z.strictObject(shape))
    .meta({ orText: true });
}
