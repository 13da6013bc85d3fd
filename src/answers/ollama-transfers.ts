/** The operator's verbs that take long and tell how far they are: pull, push, create. */
import type { JsonObject } from '../core/call.ts';
import type { Authenticated, Route, Upstream } from '../core/exchange.ts';
import type { Reply } from '../core/stage.ts';
import { readCreation } from '../protocol/ollama-create.ts';
import { readModelOrName } from '../protocol/ollama-names.ts';
import { optionalBoolean } from '../protocol/read.ts';
import { requireBlobs } from './blob-presence.ts';
import { fanOut } from './fan-out.ts';
import { refreshChanged } from './fate.ts';
import type { Knowledge } from './knowledge.ts';
import { type Operation, readOperation } from './operation.ts';
import { refuseAlias } from './own-name.ts';

type Answer = NonNullable<Route['answer']>;

export function pull(knowledge: Knowledge): Answer {
  return async (exchange) => {
    const { form, upstreams } = await readTransfer(knowledge, exchange);
    return transfer(knowledge, exchange, { verb: 'pull', form, upstreams });
  };
}

/** From one server that has the model, since all would send the same; or from each that the caller names. */
export function push(knowledge: Knowledge): Answer {
  return async (exchange) => {
    const { form, upstreams, named } = await readTransfer(knowledge, exchange);
    const from = named ? upstreams : [await holderOf(knowledge, upstreams, exchange.trail.modelAsked)];
    return transfer(knowledge, exchange, { verb: 'push', form, upstreams: from });
  };
}

export function create(knowledge: Knowledge): Answer {
  return async (exchange) => {
    const { form, upstreams } = await readTransfer(knowledge, exchange);
    const creation = readCreation(form);
    refuseAlias(knowledge, creation.form['from'], 'from');
    exchange.trail.warn(creation.warnings);
    await requireBlobs(creation.digests, { knowledge, exchange, upstreams });
    return transfer(knowledge, exchange, { verb: 'create', form: creation.form, upstreams });
  };
}

async function readTransfer(knowledge: Knowledge, exchange: Authenticated): Promise<Operation> {
  const operation = await readOperation(knowledge, exchange);
  exchange.trail.modelAsked = readModelOrName(operation.form);
  refuseAlias(knowledge, exchange.trail.modelAsked, 'model');
  return operation;
}

interface Transfer {
  readonly verb: 'pull' | 'push' | 'create';
  readonly form: JsonObject;
  readonly upstreams: readonly Upstream[];
}

function transfer(knowledge: Knowledge, exchange: Authenticated, given: Transfer): Promise<Reply> {
  const { verb, form, upstreams } = given;
  const stream = optionalBoolean(form['stream'], 'stream') ?? true;
  exchange.trail.stream = stream;
  const request = {
    method: 'POST',
    path: `/api/${verb}`,
    headers: ['content-type', 'application/json'],
    // Streamed from the upstream in any case: its lines are the sign that it is still at work.
    body: JSON.stringify({ ...form, stream: true }),
  } as const;
  return fanOut({
    verb,
    operations: upstreams.map((upstream) => ({ upstream, request })),
    exchange,
    clock: knowledge.clock,
    stream,
    afterwards: async (fates) => {
      await refreshChanged(knowledge, fates);
      if (verb === 'push') return;
      for (const { upstream, failure } of fates)
        if (failure === undefined) knowledge.onDeployed(upstream, exchange.trail.modelAsked);
    },
  });
}

async function holderOf(knowledge: Knowledge, upstreams: readonly Upstream[], model: string) {
  const holder = () =>
    upstreams.find((upstream) =>
      knowledge.catalogue.of(upstream).some((offered) => offered === model || offered === `${model}:latest`),
    );
  const known = holder();
  if (known !== undefined) return known;
  await Promise.all(upstreams.map((upstream) => knowledge.refresh(upstream)));
  const found = holder();
  if (found !== undefined) return found;
  throw knowledge.models.missing(model, upstreams);
}
