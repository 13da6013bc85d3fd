/** An upstream may repeat what it was sent: our credentials are taken out of its words before anyone reads them (G8). */
import type { Upstream } from './exchange.ts';
import type { Failure } from './failure.ts';

export function withoutSecrets({ secrets }: Pick<Upstream, 'secrets'>, failure: Failure): Failure {
  if (secrets.length === 0) return failure;
  const hide = (text: string) => secrets.reduce(hideOne, text);
  const message = hide(failure.message);
  const param = failure.param === undefined ? undefined : hide(failure.param);
  const cause = hiddenIn(failure.cause, hide);
  const told = message === failure.message && param === failure.param && cause === failure.cause;
  return told ? failure : failure.with({ message, param, cause });
}

/** Our own mistakes keep their stack: only the words of an upstream are rewritten. */
function hiddenIn(cause: unknown, hide: (text: string) => string): unknown {
  if (!(cause instanceof Error)) return cause;
  const message = hide(cause.message);
  return message === cause.message ? cause : new Error(message);
}

const hidden = '***';
/** So few characters of a secret tell nothing. */
const tellingLength = 4;

function hideOne(text: string, secret: string): string {
  return withoutCutEnd(text.replaceAll(secret, hidden), secret);
}

/** Long words of an upstream are cut, which may have been in the middle of a secret. */
function withoutCutEnd(text: string, secret: string): string {
  const said = text.endsWith('…') ? text.slice(0, -1) : text;
  for (let length = Math.min(secret.length - 1, said.length); length >= tellingLength; length -= 1) {
    if (said.endsWith(secret.slice(0, length))) return `${said.slice(0, -length)}${hidden}`;
  }
  return text;
}
