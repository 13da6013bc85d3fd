/** What a model is: asked of an Ollama server that has it, or told from the little that is known. */
import type { JsonObject } from '../core/call.ts';
import type { Authenticated, Route, Target } from '../core/exchange.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import { type Reply, wholeReply } from '../core/stage.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import { ask } from '../fleet/ask.ts';
import { assertModelInScope } from '../identity/model-scope.ts';
import { shownModel } from '../protocol/ollama-listing.ts';
import { readModelOrName } from '../protocol/ollama-names.ts';
import { readString } from '../protocol/read.ts';
import { jsonReply } from './json-reply.ts';
import type { Knowledge } from './knowledge.ts';
import { descriptionsOf, isOllamaTarget, knownModel } from './known-model.ts';
import { readForm } from './operation.ts';

/** With `verbose` the whole vocabulary is told. */
const shownBytesMax = 32 * 1024 * 1024;
const askedMs = 10_000;

export function show(knowledge: Knowledge): NonNullable<Route['answer']> {
  return async (exchange) => {
    const form = await readForm(exchange);
    const name = readModelOrName(form, readString);
    exchange.trail.modelAsked = name.slice(0, 256);
    assertModelInScope(exchange.principal, name);
    const found = knowledge.models.require(name);
    const servers = found.targets.filter(isOllamaTarget);
    const told = await firstThatTells(servers, { knowledge, exchange, form });
    if ('reply' in told) return told.reply;
    // A model that somebody else serves too can be shown although its Ollama server is away.
    if (told.failure !== undefined && servers.length === found.targets.length) throw told.failure;
    const others = found.targets.filter((target) => !isOllamaTarget(target));
    return jsonReply(shownModel(knownModel(name, others, descriptionsOf(knowledge))));
  };
}

interface Question {
  readonly knowledge: Knowledge;
  readonly exchange: Authenticated;
  readonly form: JsonObject;
}

type Told = { readonly reply: Reply } | { readonly failure: Failure | undefined };

async function firstThatTells(targets: readonly Target[], question: Question): Promise<Told> {
  let failure: Failure | undefined;
  for (const target of targets) {
    try {
      return { reply: await askTarget(target, question) };
    } catch (thrown) {
      failure = asFailure(thrown);
      if (question.exchange.signal.aborted) break;
    }
  }
  return { failure };
}

async function askTarget({ upstream, model }: Target, question: Question): Promise<Reply> {
  const { form, knowledge, exchange } = question;
  const { name: _, ...rest } = form;
  const { status, body } = await ask(
    upstream.transport,
    {
      method: 'POST',
      path: '/api/show',
      headers: ['content-type', 'application/json'],
      body: JSON.stringify({ ...rest, model }),
    },
    { clock: knowledge.clock, timeoutMs: askedMs, bytesMax: shownBytesMax, signal: exchange.signal },
  );
  if (status !== 200) {
    throw withoutSecrets(upstream, upstream.adapter.decodeFailure(status, body.toString('utf8')));
  }
  const headers = ['content-type', 'application/json; charset=utf-8'];
  return wholeReply(200, [...headers, 'x-millrace-target', encodeURI(`${upstream.name}/${model}`)], body);
}
