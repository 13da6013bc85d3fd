/** The operator's verbs that are done at once: copy and delete. */
import type { JsonObject } from '../core/call.ts';
import type { Authenticated, Route, Upstream } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';
import { type Reply, wholeReply } from '../core/stage.ts';
import type { UpstreamRequest } from '../core/transport.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import { ask } from '../fleet/ask.ts';
import { readModelName, readModelOrName } from '../protocol/ollama-names.ts';
import { combinedFailure, type Fate, refreshChanged } from './fate.ts';
import type { Knowledge } from './knowledge.ts';
import { type Operation, readOperation } from './operation.ts';
import { refuseAlias } from './own-name.ts';

type Answer = NonNullable<Route['answer']>;

export function copy(knowledge: Knowledge): Answer {
  return async (exchange) => {
    const operation = await readOperation(knowledge, exchange);
    exchange.trail.modelAsked = readModelName(operation.form['source'], 'source');
    const destination = readModelName(operation.form['destination'], 'destination');
    refuseAlias(knowledge, exchange.trail.modelAsked, 'source');
    refuseAlias(knowledge, destination, 'destination');
    return change(knowledge, exchange, { verb: 'copy', method: 'POST', operation });
  };
}

export function remove(knowledge: Knowledge): Answer {
  return async (exchange) => {
    const operation = await readOperation(knowledge, exchange);
    exchange.trail.modelAsked = readModelOrName(operation.form);
    refuseAlias(knowledge, exchange.trail.modelAsked, 'model');
    return change(knowledge, exchange, { verb: 'delete', method: 'DELETE', operation });
  };
}

interface Change {
  readonly verb: string;
  readonly method: 'POST' | 'DELETE';
  readonly operation: Operation;
}

/** Large models take a while to be removed from a disk. */
const changeMs = 60_000;
const toldBytesMax = 64 * 1024;

async function change(knowledge: Knowledge, exchange: Authenticated, given: Change): Promise<Reply> {
  const { operation, verb, method } = given;
  const request = {
    method,
    path: `/api/${verb}`,
    headers: ['content-type', 'application/json'],
    body: JSON.stringify(operation.form satisfies JsonObject),
  };
  const all = await Promise.all(
    operation.upstreams.map((upstream) => changeOn(upstream, request, { knowledge, exchange })),
  );
  await refreshChanged(knowledge, all);
  const failure = combinedFailure(verb, concerned(all, operation.named));
  if (failure !== undefined) throw failure;
  return wholeReply(200, [], new Uint8Array(0));
}

async function changeOn(
  upstream: Upstream,
  request: UpstreamRequest,
  { knowledge, exchange }: { knowledge: Knowledge; exchange: Authenticated },
): Promise<Fate> {
  const { clock } = knowledge;
  const asking = { clock, timeoutMs: changeMs, bytesMax: toldBytesMax, signal: exchange.signal };
  try {
    const { status, body } = await ask(upstream.transport, request, asking);
    if (status === 200) return { upstream, failure: undefined };
    const failure = upstream.adapter.decodeFailure(status, body.toString('utf8'));
    return { upstream, failure: withoutSecrets(upstream, failure) };
  } catch (thrown) {
    return { upstream, failure: asFailure(thrown) };
  }
}

/** Who speaks of the whole fleet means the servers that have the model, as long as there is one. */
function concerned(fates: readonly Fate[], named: boolean): readonly Fate[] {
  const having = fates.filter(({ failure }) => failure?.code !== 'upstream_model_missing');
  return named || having.length === 0 ? fates : having;
}
