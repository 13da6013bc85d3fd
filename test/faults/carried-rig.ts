/** Servers that break off and servers that go on, and what a client reads of both: one stream, or an honest end. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import { type Call, type ExchangeRow, type FaultRig, rigOf, until } from './rig.ts';

export type Dialect = 'openai' | 'ollama';

export interface Server {
  readonly type: Dialect;
  readonly behaviour?: Partial<Behaviour>;
  readonly slots?: number;
}

export interface CarriedRig {
  readonly servers: readonly FakeLlm[];
  readonly gateway: TestGateway;
  readonly ask: FaultRig['ask'];
  readonly send: FaultRig['send'];
  readonly quiet: FaultRig['quiet'];
  readonly metric: FaultRig['metric'];
  /** The line of an exchange, once it has ended. */
  row(reply: RawReply): Promise<Row>;
}

export interface Row extends ExchangeRow {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd?: number;
  readonly message?: string;
  readonly carriedOn?: ReadonlyArray<{
    readonly upstream: string;
    readonly toUpstream: string;
    readonly code: string;
    readonly atChars: number;
    readonly atTokens: number;
    readonly tokensAgain: number;
  }>;
}

export interface CarriedRigOptions extends Pick<TestGatewayOptions, 'clock'> {
  readonly servers: readonly Server[];
  /** As the servers name it. */
  readonly served?: string;
  readonly model?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  /** In place of a gateway alone: one with an admin listener. */
  readonly open?: (options: TestGatewayOptions) => Promise<TestGateway>;
}

/** Model `o` is asked of the first server as long as that can, then of the second, and so on. */
export async function openCarriedRig(t: TestContext, options: CarriedRigOptions): Promise<CarriedRig> {
  const { served = 'fake-model' } = options;
  const servers = await Promise.all(
    options.servers.map(({ behaviour }) => openFakeLlm({ chunks, models: [served], ...behaviour })),
  );
  t.after(() => Promise.all(servers.map((server) => server.close())));
  const named = options.servers.map(({ type, slots = 10 }, index) => {
    return { type, slots, name: `s${index}`, llm: servers[index] };
  });
  const upstreams = named.map(({ type, slots, name, llm }) => {
    const url = type === 'openai' ? `${llm?.url}/v1` : llm?.url;
    return [name, { type, url, slots }] as const;
  });
  const targets = named.map(({ name }, index) => ({ upstream: name, model: served, tier: index + 1 }));
  const gateway = await (options.open ?? openTestGateway)({
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    config: {
      upstreams: Object.fromEntries(upstreams),
      models: { o: { targets, carryOn: 'on', ...options.model } },
      // Here most requests break, and each may be gone on with.
      retries: { budget: 1 },
      ...options.config,
    },
  });
  t.after(() => gateway.close());
  const [first] = servers;
  assert.ok(first !== undefined);
  const rig = rigOf(first, gateway);
  const row = async ({ head }: RawReply) => {
    const id = /^x-millrace-id: (.+?)\r?$/im.exec(head)?.[1];
    const lineOf = () => gateway.exchangeLines.find((line) => line.includes(`"id":"${id}"`));
    await until('the exchange has ended', () => lineOf() !== undefined);
    return JSON.parse(lineOf() ?? '') as Row;
  };
  return { servers, gateway, ask: rig.ask, send: rig.send, quiet: rig.quiet, metric: rig.metric, row };
}

/** Words with everything in it that is lost or doubled at a seam. */
export const chunks: readonly string[] = [
  'The',
  ' mill',
  ' turns',
  ' 🌊',
  ' water',
  ' into',
  ' flour',
  ';',
  '\n\n',
  '    if',
  ' x:',
  '\n',
  ' ha',
  ' ha',
  ' ha',
  ' é',
  'té',
  ' 水車',
  'は回る',
  '。',
  ...Array.from({ length: 60 }, (_, index) => ` word${index}`),
  ' the',
  ' end',
  '.',
];
export const whole = chunks.join('');

export const asked: Readonly<Record<Dialect, Call>> = {
  openai: {
    route: 'openai.chat',
    stream: true,
    body: { temperature: 0, stream_options: { include_usage: true } },
  },
  ollama: { route: 'ollama.chat', stream: true, body: { options: { temperature: 0 } } },
};

export interface Read {
  readonly text: string;
  readonly error: unknown;
  readonly ended: boolean;
  readonly usage: { readonly prompt: number; readonly completion: number } | undefined;
  readonly events: ReadonlyArray<Record<string, unknown>>;
}

/** As official clients read it; what no client may see fails at once. */
export function readStream(dialect: Dialect, reply: RawReply): Read {
  assert.match(reply.head, /^HTTP\/1.1 200/);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(reply.content);
  return dialect === 'openai' ? readSse(text) : readLines(text);
}

interface Chunk extends Record<string, unknown> {
  readonly choices?: ReadonlyArray<{
    readonly delta?: { readonly role?: string; readonly content?: string };
    readonly finish_reason?: string | null;
  }>;
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: unknown;
}

function readSse(text: string): Read {
  const data = text
    .split(/\r?\n\r?\n/)
    .flatMap((event) => (event.startsWith('data: ') ? [event.slice(6)] : []));
  const marks = data.filter((each) => each === '[DONE]').length;
  const events = data.filter((each) => each !== '[DONE]').map((each) => JSON.parse(each) as Chunk);
  const said = events.filter((event) => event.error === undefined);
  for (const key of ['id', 'created', 'model', 'object']) {
    assert.equal(
      new Set(said.map((event) => event[key])).size,
      1,
      `one ${key}: ${JSON.stringify(said.map((e) => e[key]))}`,
    );
  }
  const choices = said.flatMap((event) => event.choices ?? []);
  assert.equal(choices.filter(({ delta }) => delta?.role !== undefined).length, 1, 'one role');
  const stops = choices.filter((choice) => choice.finish_reason != null).length;
  const usages = said.flatMap(({ usage }) => (usage == null ? [] : [usage]));
  const error = events.find((event) => event.error !== undefined)?.error;
  assert.ok(marks + (error === undefined ? 0 : 1) === 1, 'an end or an error, once');
  if (marks === 1) assert.equal(stops, 1, 'one finish reason');
  assert.ok(usages.length <= 1, 'one usage');
  return {
    text: choices.map(({ delta }) => delta?.content ?? '').join(''),
    error,
    ended: marks === 1,
    usage: usages.map((usage) => ({ prompt: usage.prompt_tokens, completion: usage.completion_tokens }))[0],
    events,
  };
}

interface Line extends Record<string, unknown> {
  readonly message?: { readonly content: string };
  readonly done?: boolean;
}

function readLines(text: string): Read {
  const events = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
  const said = events.filter((line) => line['error'] === undefined);
  assert.equal(new Set(said.map(({ model }) => model)).size, 1, 'one model');
  const ends = said.filter(({ done }) => done === true);
  const error = events.find((line) => line['error'] !== undefined)?.['error'];
  assert.ok(ends.length + (error === undefined ? 0 : 1) === 1, 'an end or an error, once');
  const [end] = ends;
  return {
    text: said.map(({ message }) => message?.content ?? '').join(''),
    error,
    ended: end !== undefined,
    usage:
      end?.['eval_count'] === undefined
        ? undefined
        : { prompt: Number(end['prompt_eval_count']), completion: Number(end['eval_count']) },
    events,
  };
}
