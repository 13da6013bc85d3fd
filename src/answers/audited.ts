/** Around what an operator changes on the fleet: it is written down before it is done, and how it ended after (A9). */
import type { Auditor } from '../core/audit.ts';
import type { Authenticated, Route } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';

type Answer = NonNullable<Route['answer']>;

export function audited(auditor: Auditor, answer: Answer): Answer {
  return async (exchange) => {
    const { trail } = exchange;
    const end = await auditor.begin(actOf(exchange));
    try {
      const reply = await answer(exchange);
      // What takes long ends with its answer, and nobody waits for its record.
      void reply.ended.then(({ kind }) => {
        const succeeded = kind === 'complete' && reply.status < 400;
        return end(succeeded ? 'done' : 'failed', { object: trail.modelAsked });
      });
      return reply;
    } catch (thrown) {
      const { code, message } = asFailure(thrown);
      await end('failed', { object: trail.modelAsked, detail: { code, message } });
      throw thrown;
    }
  };
}

/** The model is not known before the body was read: the record of the end names it. */
function actOf({ principal, route, incoming, trail }: Authenticated) {
  return {
    actor: principal.keyName,
    tenant: principal.tenant,
    address: incoming.remoteAddress,
    action: route.name,
    object: '',
    detail: { exchange: trail.id },
  };
}
