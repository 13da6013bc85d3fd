/** A mail through the operator's server, by nodemailer, which is loaded when there is something to send. */
import type { Clock } from '../lib/clock.ts';
import { DialError } from '../net/dial-error.ts';
import type { Dialer } from '../net/dialer.ts';
import type { NamedBy } from '../net/outgoing-url.ts';
import type { Attempt, Notice, Way } from './alert.ts';
import { headlineOf, linesOf } from './notice-text.ts';
import type { SmtpOptions } from './options.ts';

const timeoutMs = 30_000;

export interface EmailWay {
  readonly to: readonly string[];
  readonly smtp: SmtpOptions;
  readonly namedBy: NamedBy;
}

export function createEmail(way: EmailWay, context: { dialer: Dialer; clock: Clock }): Way {
  return {
    name: `email ${way.smtp.host}`,
    send: async (notice, leaving): Promise<Attempt> => {
      const ending = new AbortController();
      const signal = AbortSignal.any([ending.signal, leaving]);
      const timer = context.clock.after(timeoutMs, () => ending.abort());
      try {
        await deliver(notice, way, { dialer: context.dialer, signal });
        return { outcome: 'taken' };
      } catch (thrown) {
        return { outcome: 'failed', says: ending.signal.aborted ? tooSlow : reasonOf(thrown) };
      } finally {
        timer.cancel();
      }
    },
  };
}

const tooSlow = `the mail server took longer than ${timeoutMs} ms`;

async function deliver(
  notice: Notice,
  { to, smtp, namedBy }: EmailWay,
  { dialer, signal }: { dialer: Dialer; signal: AbortSignal },
): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const { host, port, tls, user, password, from } = smtp;
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password?.reveal() ?? '' } }),
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_options, callback) => {
      dialer.connect({ host, port, namedBy }, { timeoutMs, signal }).then(
        (connection) => callback(null, { connection }),
        (thrown: unknown) => callback(thrown instanceof Error ? thrown : new Error(String(thrown)), false),
      );
    },
  });
  try {
    await transport.sendMail({
      from,
      to: [...to],
      subject: headlineOf(notice),
      text: `${linesOf(notice).join('\n\n')}\n`,
      messageId: `<${notice.id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
      signal,
    });
  } finally {
    transport.close();
  }
}

/** What a mail server answers may quote what it was sent: its status and the codes say enough. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof DialError) return thrown.message;
  const told: Readonly<Record<string, unknown>> = thrown instanceof Error ? { ...thrown } : {};
  const code = String(told['code']);
  const details = [told['originalCode'] ?? code, told['responseCode']].filter((one) => one !== undefined);
  return `${words[code] ?? 'the mail server could not be spoken to'} (${details.join(', ')})`;
}

const words: Readonly<Record<string, string>> = {
  EAUTH: 'the mail server refused user and password',
  ETLS: 'the mail server offers no TLS',
  EENVELOPE: 'the mail server refused sender or receiver',
  EMESSAGE: 'the mail server refused the message',
};
