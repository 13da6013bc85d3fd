/** Secrets are seeded everywhere, every error path is walked, and all that came out is searched for them (G8). */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { answerTo, type Head, requestBytes, untilClosed } from './raw.ts';

const canaries = {
  client: 'sk-mr-canary1client7f3a9c2e5b8d',
  wrong: 'sk-mr-canary2wrong7f3a9c2e5b8d4',
  provider: 'canary3provider7f3a9c2e5b8d41',
  ollama: 'canary4ollama7f3a9c2e5b8d41ac',
  header: 'canary5header7f3a9c2e5b8d41ac',
  admin: 'mr-admin-canary6-7f3a9c2e5b8d41ac0f6e7d8c9b0a',
  clientHeader: 'canary7clientheader7f3a9c2e5b',
} as const;
const secrets = Object.values(canaries);

const headers = { 'x-tenant-token': `Token ${canaries.header}` };

const configuration = (openai: FakeLlm, ollama: FakeLlm): string =>
  JSON.stringify({
    telemetry: { logs: { level: 'debug' }, metrics: { onClientPort: 'always' } },
    admin: { token: canaries.admin },
    keys: [{ name: 'dev', key: canaries.client, role: 'operator' }],
    // Servers that fail all the time are asked all the same: what they say is what is looked through.
    health: { eject: { baseMs: 1, maxMs: 1, slowStartMs: 1 } },
    upstreams: {
      cloud: {
        type: 'openai',
        url: openai.url,
        key: canaries.provider,
        headers,
      },
      gpu: { type: 'ollama', url: ollama.url, key: canaries.ollama, headers },
    },
    models: {
      m: { targets: [{ upstream: 'cloud', model: 'm' }] },
      o: { targets: [{ upstream: 'gpu', model: 'o' }] },
    },
  });

const message = { role: 'user', content: 'hello' };
const json = (body: object): Pick<Head, 'body'> => ({
  body: JSON.stringify({ messages: [message], ...body }),
});
const good = { authorization: `Bearer ${canaries.client}`, 'x-internal': canaries.clientHeader };

/** Everything that goes wrong between a client and us. */
const mistakes: readonly Head[] = [
  { path: '/v1/models', headers: { authorization: `Bearer ${canaries.wrong}` } },
  { path: '/v1/models', headers: { authorization: canaries.wrong } },
  { path: '/v1/models', headers: { authorization: `Basic ${canaries.wrong}` } },
  { path: '/v1/models', headers: { 'x-api-key': canaries.wrong } },
  { path: '/v1/models', headers: { ...good, 'x-api-key': canaries.wrong } },
  { path: `/v1/models?key=${canaries.wrong}` },
  { path: `/v1/models?key=${canaries.client}` },
  { path: `/nothing?key=${canaries.client}` },
  { path: `/k/${canaries.client}/v1/models` },
  { path: `/k/${canaries.client}` },
  { path: `/k/${canaries.client}/nothing` },
  { path: `/k/${canaries.wrong}/v1/models` },
  { path: `/k/${canaries.client}/k/${canaries.wrong}/v1/models` },
  { path: `//k/${canaries.client}/v1/models` },
  { path: `/K/${canaries.client}/v1/models` },
  { path: `/v1/k/${canaries.client}/models` },
  { path: `/${canaries.client}` },
  { path: `/v1/${canaries.client}`, method: 'DELETE' },
  { path: `/v1/models/${canaries.client}/`, method: 'PATCH' },
  { path: `http://${canaries.client}@localhost/v1/models` },
  { path: `/k/${canaries.client}/v1/chat/completions`, method: 'PUT' },
  { path: `/k/${canaries.client}/v1/chat/completions`, body: '{"model":' },
  { path: `/k/${canaries.client}/v1/chat/completions`, ...json({ model: 'unknown' }) },
  { path: `/k/${canaries.client}/v1/chat/completions?${'x'.repeat(9000)}`, ...json({ model: 'm' }) },
  { path: '/v1/chat/completions', headers: good, body: 'not JSON' },
  {
    path: '/v1/chat/completions',
    headers: { ...good, 'content-encoding': 'nonsense' },
    ...json({}),
  },
  { path: '/v1/chat/completions', headers: { ...good, 'content-type': 'text/plain' }, ...json({}) },
  { path: '/v1/chat/completions', headers: { ...good, 'x-wide': 'x'.repeat(20_000) }, ...json({}) },
];

/** Whoever puts a key where a model's name belongs is told so in their own words; nobody else ever reads it. */
const misplaced: readonly Head[] = [
  { path: `/v1/models/${canaries.client}`, headers: good },
  { path: `/models/${canaries.wrong}`, headers: good },
  ...misplacedIn(canaries.wrong),
  ...['', 'cloud/', 'no/'].flatMap((upstream) => misplacedIn(`${upstream}${canaries.client}`)),
];

function misplacedIn(model: string): readonly Head[] {
  return [
    { path: '/v1/chat/completions', headers: good, ...json({ model }) },
    { path: '/api/chat', headers: good, ...json({ model }) },
    { path: '/api/show', headers: good, body: JSON.stringify({ model }) },
    { path: '/generate', headers: good, body: JSON.stringify({ prompt: 'hello', model }) },
  ];
}

/** Raw bytes that never become a request. */
const malformed: readonly string[] = [
  `GET /k/${canaries.client}/v1/models HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n`,
  `GET /v1/models?key=${canaries.client} HTTP/9.9\r\n\r\n`,
  `GET /v1/models HTTP/1.1\r\nauthorization: Bearer ${canaries.client}\0\r\n\r\n`,
  `${canaries.client}\r\n\r\n`,
];

const calls: readonly Head[] = [
  { path: '/v1/chat/completions', headers: good, ...json({ model: 'm' }) },
  { path: '/v1/chat/completions', headers: good, ...json({ model: 'm', stream: true }) },
  { path: `/k/${canaries.client}/api/chat`, ...json({ model: 'm', stream: false }) },
  { path: '/v1/chat/completions', headers: good, ...json({ model: 'o' }) },
  { path: `/api/chat?key=${canaries.client}`, ...json({ model: 'o' }) },
  { path: '/api/v1/chat', headers: good, body: JSON.stringify({ message: 'hello', model: 'm' }) },
];

const pulls: readonly Head[] = [
  { path: '/api/pull', headers: good, body: JSON.stringify({ model: 'o' }) },
  { path: '/api/pull', headers: good, body: JSON.stringify({ model: 'o', stream: false }) },
];

/** What the operator asks of an Ollama server. */
const operations: readonly Head[] = [
  { path: '/api/show', headers: good, body: JSON.stringify({ model: 'o' }) },
  { path: '/api/copy', headers: good, body: JSON.stringify({ source: 'o', destination: 'p' }) },
  ...pulls,
  { path: `/api/blobs/sha256:${'a'.repeat(64)}`, headers: good, body: 'a blob' },
];

const notAListing = /^\/(?!v1\/models|api\/(?:tags|ps|version)$)/;

/** An upstream that repeats the credentials it refuses, as some proxies do. */
const echo = (key: string) =>
  JSON.stringify({
    error: {
      message: `Incorrect API key provided: ${key} (Bearer ${key}, ${canaries.header}, Token ${canaries.header})`,
      type: 'invalid_request_error',
      param: key,
      code: key,
    },
  });

/** An upstream that begins well and repeats the credentials where its answer belongs. */
const echoLate = (key: string, padding: number) => {
  const message = `${'.'.repeat(padding)} Incorrect API key provided: ${key}, ${canaries.header}`;
  const openai = JSON.stringify({ error: { message } });
  const begun = JSON.stringify({ choices: [{ index: 0, delta: { content: 'hi' } }] });
  const line = JSON.stringify({ message: { role: 'assistant', content: 'hi' }, done: false });
  return {
    whole: { openai, ollama: JSON.stringify({ error: message }) },
    streamed: {
      openai: `data: ${begun}\n\ndata: ${openai}\n\n`,
      ollama: `${line}\n${JSON.stringify({ error: message })}\n`,
    },
  };
};

/** Of a server that is busy, and may be asked again. */
const atOnce = { 'retry-after': '0' };

async function misplace(port: number): Promise<void> {
  for (const head of misplaced) {
    assert.equal((await answerTo(port, requestBytes(head))).status, 404, `${head.path} ${head.body ?? ''}`);
  }
}

async function walk(
  gateway: RunningProcess,
  upstreams: Readonly<Record<string, FakeLlm>>,
): Promise<string[]> {
  const port = Number(new URL(gateway.ready.clients).port);
  const seen: string[] = [];
  const ask = async (head: Head) => {
    const answer = await answerTo(port, requestBytes(head));
    seen.push(`${[...answer.headers].join('\n')}\n${answer.text}`);
    return answer.status;
  };
  for (const head of calls) assert.equal(await ask(head), 200, head.path);
  for (const head of mistakes) await ask(head);
  await misplace(port);
  for (const bytes of malformed) seen.push((await untilClosed(port, bytes)).text);
  for (const status of [400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503]) {
    upstreams['openai']?.behave({ status, headers: atOnce, body: echo(canaries.provider) });
    upstreams['ollama']?.behave({ status, headers: atOnce, body: echo(canaries.ollama), only: notAListing });
    for (const head of [...calls, ...operations]) {
      assert.ok((await ask(head)) >= 400, `${head.path} with ${status}`);
    }
  }
  // The last lengths are cut in the middle of the key, in either dialect.
  for (const padding of [0, 450, 155, 157]) {
    for (const form of ['whole', 'streamed'] as const) {
      upstreams['openai']?.behave({ status: 200, body: echoLate(canaries.provider, padding)[form].openai });
      upstreams['ollama']?.behave({
        status: 200,
        body: echoLate(canaries.ollama, padding)[form].ollama,
        only: notAListing,
      });
      for (const head of [...calls, ...pulls]) await ask(head);
    }
  }
  for (const upstream of Object.values(upstreams)) {
    upstream.behave({ status: 200, body: undefined, resetAfterRequest: true });
  }
  for (const head of calls) {
    const status = await ask(head);
    assert.ok(status >= 500, `${head.path}: ${status}`);
  }
  await ask({ path: '/metrics' });
  await ask({ path: '/health' });
  for (const path of ['status', 'config', 'models', 'upstreams', 'nothing']) {
    seen.push(await (await gateway.admin(path)).text());
  }
  return seen;
}

test('no secret stands in an answer, a log, the ledger, a metric or an error (G8)', async () => {
  await using place = await openPlace();
  const openai = await openFakeLlm();
  const ollama = await openFakeLlm();
  try {
    await place.write('millrace.yaml', configuration(openai, ollama));
    await using gateway = await serve(['--config', 'millrace.yaml'], { place });
    const seen = await walk(gateway, { openai, ollama });
    assert.equal(
      openai.requests.find(({ method }) => method === 'POST')?.headers.authorization,
      `Bearer ${canaries.provider}`,
    );
    for (const { requests } of [openai, ollama]) {
      const asked = requests.filter(({ method }) => method === 'POST').length;
      assert.ok(asked > 60, `${asked} requests came to a server that only fails`);
    }
    const { out, err } = await gateway.stop('SIGTERM');
    const ledger = await readFile(place.path('.millrace/millrace.sqlite'), 'utf8');
    assert.ok(out.split('\n').length > 100 && ledger.length > 20_000, 'all of it was recorded');
    assert.ok(out.includes('"model":"sk-mr-…"') && out.includes('"model":"cloud/sk-mr-…"'));
    assert.match(out, /"route":"openai\.model"[^\n]*sk-mr-…/);
    const places = { answers: seen.join('\n'), log: out, errors: err, ledger };
    for (const [where, text] of Object.entries(places)) {
      for (const secret of secrets) {
        // Its beginning is enough: long words of an upstream are cut.
        const at = text.indexOf(secret.slice(0, 14));
        assert.equal(at, -1, `${where}: …${text.slice(Math.max(0, at - 300), at + 100)}…`);
      }
    }
  } finally {
    await openai.close();
    await ollama.close();
  }
});
