import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { type Discovered, discover } from './discover.ts';
import type { Environment } from './expand.ts';
import { loadConfig } from './load.ts';

const nowhere = '127.0.0.1:9';
const own = { host: '127.0.0.1', port: 7070 };

type Answers = Readonly<Record<string, unknown>>;

/** A server that answers these paths in JSON and nothing else. */
async function serve(t: TestContext, answers: Answers, status = 200): Promise<string> {
  return await listen(t, (request, response) => {
    const answer = answers[request.url ?? ''];
    response.writeHead(answer === undefined ? 404 : status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { error: 'not found' }));
  });
}

async function listen(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function find(environment: Environment, urls: readonly string[] = []): Promise<Discovered> {
  return discover({
    environment: { OLLAMA_HOST: nowhere, ...environment },
    clock: systemClock,
    listen: own,
    places: urls.map((url) => ({ name: 'vLLM', url, api: 'openai' })),
  });
}

function openaiList(owner: string, ...ids: readonly string[]): Answers {
  return { '/v1/models': { object: 'list', data: ids.map((id) => ({ id, owned_by: owner })) } };
}

function reasonFor(found: Discovered, what: RegExp): string {
  return found.findings.find((finding) => what.test(finding.what))?.says ?? '';
}

test('with nothing around there is the simulator, and for the rest it is said why not', async () => {
  const found = await find({});
  assert.deepEqual(found.upstreams, { simulator: { type: 'simulator' } });
  assert.equal(found.defaultModel, 'simulator');
  assert.equal(reasonFor(found, /Ollama/), 'nothing listens there');
});

const kinds: readonly (readonly [owner: string, name: string])[] = [
  ['vllm', 'vllm'],
  ['organization_owner', 'lm-studio'],
  ['sglang', 'sglang'],
  ['llamacpp', 'llama.cpp'],
];
for (const [owner, name] of kinds) {
  test(`${name} is known by what it answers, whatever port it is on`, async (t) => {
    const url = await serve(t, { ...openaiList(owner, 'embed-small', 'qwen'), '/props': { total_slots: 3 } });
    const found = await find({}, [url]);
    const slots = name === 'llama.cpp' ? { slots: 3 } : {};
    assert.deepEqual(found.upstreams[name], { type: 'openai', url: `${url}/v1`, ...slots });
    assert.equal(found.defaultModel, 'qwen');
    assert.equal(found.defaultUpstream, name);
  });
}

test('two servers of one kind have two names', async (t) => {
  const [one, two] = [await serve(t, openaiList('vllm', 'a')), await serve(t, openaiList('vllm', 'b'))];
  assert.deepEqual(Object.keys((await find({}, [one, two])).upstreams), ['vllm', 'vllm-2', 'simulator']);
});

test('a llama.cpp that still loads its model is used all the same', async (t) => {
  const url = await serve(t, { '/v1/models': { error: { message: 'Loading model', code: 503 } } }, 503);
  assert.ok('llama.cpp' in (await find({}, [url])).upstreams);
});

const strangers: readonly (readonly [what: string, answers: Answers, status: number, says: RegExp])[] = [
  ['a web server', { '/v1/models': 'hello' }, 200, /not a model server/],
  ['a server that asks for a key', { '/v1/models': {} }, 401, /asks for a key/],
  ['another Millrace', openaiList('millrace', 'a'), 200, /in circles/],
  ['an unknown gateway', openaiList('someone', 'a'), 200, /do not know/],
  ['a server without models', openaiList('vllm'), 200, /no model/],
];
for (const [what, answers, status, says] of strangers) {
  test(`${what} at a usual port is not used, and it is said why`, async (t) => {
    const found = await find({}, [await serve(t, answers, status)]);
    assert.deepEqual(Object.keys(found.upstreams), ['simulator']);
    assert.match(reasonFor(found, /vLLM/), says);
  });
}

test('what is silent, endless or no HTTP at all holds up nobody', async (t) => {
  const silent = await listen(t, () => {});
  const endless = await listen(t, (_request, response) => {
    const more = () => {
      while (response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const noise = createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH\r\n')).listen(
    0,
    '127.0.0.1',
  );
  await once(noise, 'listening');
  t.after(() => noise.close());
  const startedMs = performance.now();
  const noiseUrl = `http://127.0.0.1:${(noise.address() as AddressInfo).port}`;
  const found = await find({}, [silent, endless, noiseUrl]);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 1_500, `took ${tookMs} ms`);
  assert.deepEqual(Object.keys(found.upstreams), ['simulator']);
});

const ollama = {
  '/api/version': { version: '0.31.0' },
  '/api/tags': {
    models: [{ name: 'nomic-embed-text:latest' }, { name: 'gemma:2b' }, { name: 'llama3:latest' }],
  },
};

test('OLLAMA_HOST leads to Ollama, and OLLAMA_MODEL to the default model', async (t) => {
  const url = await serve(t, ollama);
  const place = url.replace('http://', '');
  assert.equal((await find({ OLLAMA_HOST: place })).defaultModel, 'gemma:2b');
  const wished = await find({ OLLAMA_HOST: place, OLLAMA_MODEL: 'llama3' });
  assert.deepEqual(wished.upstreams['ollama'], { type: 'ollama', url });
  assert.equal(wished.defaultModel, 'llama3');
  const missing = await find({ OLLAMA_HOST: place, OLLAMA_MODEL: 'phi' });
  assert.match(reasonFor(missing, /OLLAMA_MODEL/), /must be pulled/);
  assert.equal((await find({ OLLAMA_MODEL: 'phi' })).defaultModel, 'simulator');
});

test('an account in the environment is offered, and its models are never the default', async () => {
  const found = await find({ OPENAI_API_KEY: 'canary' });
  assert.deepEqual(found.upstreams['openai'], { type: 'openai', key: 'env:OPENAI_API_KEY' });
  assert.equal(found.defaultModel, 'simulator');
  assert.equal(JSON.stringify(found).includes('canary'), false);
});

test('what points at the gateway itself is never an upstream', async () => {
  for (const environment of [
    { OPENAI_API_KEY: 'canary', OPENAI_BASE_URL: 'http://localhost:7070/v1' },
    { OPENAI_API_KEY: 'sk-mr-0123' },
    { OLLAMA_HOST: 'http://127.0.0.1:7070' },
  ]) {
    assert.deepEqual(Object.keys((await find(environment)).upstreams), ['simulator']);
  }
});

test('keys of providers that need an adapter, and of those that need an entry, are named', async () => {
  const found = await find({ ANTHROPIC_API_KEY: 'canary', GROQ_API_KEY: 'canary', COHERE_API_KEY: '' });
  assert.match(reasonFor(found, /ANTHROPIC_API_KEY/), /later version/);
  assert.match(reasonFor(found, /GROQ_API_KEY/), /key: env:GROQ_API_KEY/);
  assert.equal(reasonFor(found, /COHERE/), '');
});

test('what is found passes the same schema as a file, and stands only where none names upstreams', async (t) => {
  const env = { OPENAI_API_KEY: 'canary' };
  const discovered = await find({ OLLAMA_HOST: await serve(t, ollama), ...env });
  const { config } = loadConfig({ env, discovered });
  assert.deepEqual(Object.keys(config.upstreams), ['ollama', 'openai', 'simulator']);
  assert.equal(config.defaultModel, 'gemma:2b');
  const asked = loadConfig({ env: { ...env, MILLRACE__DEFAULT_MODEL: 'mine' }, discovered });
  assert.equal(asked.config.defaultModel, 'mine');
});
