/** What an operator asks for: its form, and the upstreams it is for. */
import type { Json, JsonObject } from '../core/call.ts';
import type { Authenticated, Upstream } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { parseJsonBody } from '../protocol/json-body.ts';
import { isAbsent, optionalStrings } from '../protocol/read.ts';
import type { Knowledge } from './knowledge.ts';
import { isOllama } from './known-model.ts';

export interface Operation {
  /** The body without what is meant for us alone. */
  readonly form: JsonObject;
  readonly upstreams: readonly Upstream[];
  /** Whether the caller named them, and so means each of them. */
  readonly named: boolean;
}

/** One request must not open connections without end. */
const upstreamsMax = 64;
const upstreamsHeader = 'x-millrace-upstreams';

export async function readForm({ incoming, route, trail }: Authenticated): Promise<JsonObject> {
  const bytes = await incoming.readBody(route.limits);
  trail.bytesIn = bytes.length;
  return parseJsonBody(bytes).value;
}

export async function readOperation(knowledge: Knowledge, exchange: Authenticated): Promise<Operation> {
  const { upstreams, ...form } = await readForm(exchange);
  return { form, ...chooseUpstreams(knowledge, exchange, upstreams) };
}

/** The body's field, or the header for clients and verbs that have no place in their body; else every Ollama server. */
export function chooseUpstreams(
  knowledge: Knowledge,
  { incoming }: Authenticated,
  field?: Json,
): Omit<Operation, 'form'> {
  if (!knowledge.accepting()) {
    throw fail('server_draining', 'this gateway is about to stop; try another', { retryAfterS: 1 });
  }
  const header = incoming.headers[upstreamsHeader];
  const [asked, param] = isAbsent(field) ? [splitHeader(header), upstreamsHeader] : [field, 'upstreams'];
  const names = optionalStrings(asked, param, upstreamsMax);
  const upstreams = names === undefined ? everyOllama(knowledge) : byName(knowledge, names, param);
  return { upstreams, named: names !== undefined };
}

function splitHeader(header: string | string[] | undefined): readonly string[] | undefined {
  if (typeof header !== 'string') return undefined;
  return header.split(',').map((name) => name.trim());
}

function everyOllama(knowledge: Knowledge): readonly Upstream[] {
  const all = knowledge.upstreams.filter(isOllama);
  if (all.length === 0) {
    throw fail('no_upstream', 'no Ollama server is configured, and only those take models from operators');
  }
  if (all.length > upstreamsMax) {
    const message = `there are ${all.length} Ollama servers; name at most ${upstreamsMax} of them at a time`;
    throw fail('invalid_request', message, { param: 'upstreams' });
  }
  return all;
}

function byName(knowledge: Knowledge, names: readonly string[], param: string): readonly Upstream[] {
  const chosen = new Set<Upstream>();
  for (const name of names) {
    const upstream = knowledge.upstreams.find((candidate) => candidate.name === name);
    if (upstream === undefined) {
      const known = knowledge.upstreams.filter(isOllama).map((candidate) => candidate.name);
      const message = `there is no upstream "${name.slice(0, 100)}"; Ollama servers here: ${known.join(', ') || 'none'}`;
      throw fail('invalid_request', message, { param });
    }
    if (!isOllama(upstream)) {
      throw fail('unsupported', `${name} is no Ollama server, so its models are not ours to change`, {
        param,
      });
    }
    chosen.add(upstream);
  }
  if (chosen.size === 0) throw fail('invalid_request', `${param} names no upstream`, { param });
  return [...chosen];
}
