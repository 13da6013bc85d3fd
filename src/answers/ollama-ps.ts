/** What is loaded now, asked of every Ollama server at once. One that does not tell is named and left out. */
import type { Json, JsonObject } from '../core/call.ts';
import type { Authenticated, Principal, Route, Upstream } from '../core/exchange.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';
import { askJson } from '../fleet/ask.ts';
import { isList } from '../protocol/read.ts';
import { jsonReply } from './json-reply.ts';
import type { Knowledge } from './knowledge.ts';
import { isOllama } from './known-model.ts';

/** A listing for people to read: it does not wait for a server in trouble. */
const askedMs = 2_000;
const toldBytesMax = 1024 * 1024;
const rowsMax = 1_000;

export function listLoaded(knowledge: Knowledge): NonNullable<Route['answer']> {
  return async (exchange) => {
    const servers = knowledge.upstreams.filter(isOllama);
    const told = await Promise.all(servers.map((upstream) => loadedOn(upstream, knowledge, exchange)));
    exchange.trail.warn(
      told.flatMap(({ upstream, failure }) =>
        failure === undefined ? [] : [`${upstream.name} did not tell (${failure.code})`],
      ),
    );
    const isShown = createScope(knowledge, exchange.principal);
    const models = told.flatMap(({ upstream, rows }) => rows.filter((row) => isShown(upstream, row)));
    return jsonReply({ models }, 200, exchange.trail.warnings);
  };
}

/** A key that is for some models sees what stands behind these. */
function createScope(
  { models }: Knowledge,
  { scopes }: Principal,
): (at: Upstream, row: JsonObject) => boolean {
  if (scopes?.models === undefined) return () => true;
  const targets = [...scopes.models].flatMap((name) => models.find(name)?.targets ?? []);
  const loaded = new Set(
    targets.flatMap(({ upstream, model }) => [
      `${upstream.name}/${model}`,
      `${upstream.name}/${model}:latest`,
    ]),
  );
  return (at, row) => loaded.has(`${at.name}/${String(row['name'])}`);
}

interface Told {
  readonly upstream: Upstream;
  readonly rows: readonly JsonObject[];
  readonly failure?: Failure;
}

async function loadedOn(upstream: Upstream, { clock }: Knowledge, { signal }: Authenticated): Promise<Told> {
  const request = { method: 'GET', path: '/api/ps', headers: [] } as const;
  const asking = { clock, timeoutMs: askedMs, bytesMax: toldBytesMax, signal };
  try {
    const body = (await askJson(upstream.transport, request, asking)) as Json;
    const models = isObject(body) ? body['models'] : undefined;
    const rows = isList(models) ? models.filter(isObject).slice(0, rowsMax) : [];
    return { upstream, rows: rows.map((row) => ({ ...row, upstream: upstream.name })) };
  } catch (thrown) {
    return { upstream, rows: [], failure: asFailure(thrown) };
  }
}
