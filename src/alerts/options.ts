import { z } from 'zod';
import { milliseconds, secret } from '../lib/options.ts';

const receiversMax = 16;
const mailAddressesMax = 50;
const silencesMax = 256;

const mailAddress = z.email('must be an address such as ops@example.com').max(254);

const smtp = z.strictObject({
  host: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,253}$/, 'must be the name or address of a host')
    .describe('The mail server.'),
  port: z.int().min(1).max(65_535).default(587).describe('Its port.'),
  tls: z
    .enum(['starttls', 'implicit', 'none'])
    .default('starttls')
    .describe('`implicit` is that of port 465. Never without TLS, save on loopback with `none`.'),
  user: z.string().min(1).max(320).optional().describe('Who signs in; nobody when absent.'),
  password: secret.optional().describe('With which password.'),
  from: mailAddress.describe('The sender’s address.'),
});

const receiver = z
  .strictObject({
    webhook: secret
      .optional()
      .describe(
        'The URL that gets a signed `POST`, by Standard Webhooks. Shown as `***`, as it may hold a token.',
      ),
    secret: secret
      .optional()
      .describe('Signs the webhook: `whsec_` and the base64 of 24 to 64 random bytes.'),
    previousSecret: secret.optional().describe('Signs beside it, while the receiver changes to the new one.'),
    slack: secret.optional().describe('The URL of an incoming webhook of Slack, or of what takes the same.'),
    email: z.array(mailAddress).min(1).max(mailAddressesMax).optional().describe('Who gets a mail.'),
    smtp: smtp.optional().describe('Through which server.'),
  })
  .refine(
    ({ webhook, slack, email }) => [webhook, slack, email].filter((way) => way !== undefined).length === 1,
    'must have exactly one of webhook, slack and email',
  )
  .refine(
    ({ webhook, secret: signs }) => (webhook === undefined) === (signs === undefined),
    'must have a secret with a webhook, and with nothing else',
  )
  .refine(
    ({ secret: signs, previousSecret }) => previousSecret === undefined || signs !== undefined,
    'has a previousSecret and no secret',
  )
  .refine(
    ({ email, smtp: server }) => (email === undefined) === (server === undefined),
    'must have smtp with email, and with nothing else',
  );

const silence = z.strictObject({
  match: z
    .record(z.string().min(1).max(64), z.string().max(256))
    .refine((labels) => Object.keys(labels).length > 0, 'must name at least one label')
    .describe('The labels that an alert must have, all of them; `alert` is its kind.'),
  until: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-12-31T18:00:00Z' })
    .optional()
    .describe('When it ends; never when absent.'),
});

export const alertsOptions = z.strictObject({
  to: z
    .array(receiver)
    .max(receiversMax)
    .default([])
    .describe('Who is told, all of them. See docs/alerts.md.'),
  group: z
    .strictObject({
      waitMs: milliseconds
        .default(10_000)
        .describe('How long the first alert of a kind waits for others, to be told with them.'),
      everyMs: milliseconds
        .default(300_000)
        .describe('Alerts of one kind are told at most once in this time.'),
    })
    .prefault({})
    .describe('What is told together.'),
  silence: z.array(silence).max(silencesMax).default([]).describe('What is not told, and until when.'),
});

type Parsed = z.output<typeof alertsOptions>;

/** As a frozen configuration has them. */
export interface AlertsOptions {
  readonly to: readonly ReceiverOptions[];
  readonly group: Readonly<Parsed['group']>;
  readonly silence: readonly Readonly<Parsed['silence'][number]>[];
}

export type ReceiverOptions = Readonly<Omit<Parsed['to'][number], 'email'>> & {
  readonly email?: readonly string[] | undefined;
};
export type SmtpOptions = Readonly<NonNullable<ReceiverOptions['smtp']>>;
