/** Every status that bad input gets, in the dialect of whoever asked, with the exchange's id (G12). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type Answer, answerTo, type Head, requestBytes, untilClosed } from './raw.ts';

const limits = { bodyBytesMax: 4096, bodyMs: 200, headersMs: 250 };
let gateway: TestGateway;
let strict: TestGateway;
before(async () => {
  gateway = await openTestGateway({ config: { listen: limits } });
  // Behind a proxy nobody is on loopback, so the limits hold.
  strict = await openTestGateway({ config: { limits: [{ per: 'key', requests: '1/hour', burst: 1 }] } });
});
after(async () => {
  await gateway.close();
  await strict.close();
});

interface Dialect {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The sentence and the field, where the dialect has a place for it. */
  readonly message: (json: Record<string, unknown>) => unknown;
  readonly param?: (json: Record<string, unknown>) => unknown;
}

const openaiError = (json: Record<string, unknown>) => (json['error'] ?? {}) as Record<string, unknown>;
const messages = [{ role: 'user', content: 'hello' }];
const dialects: Readonly<Record<string, Dialect>> = {
  openai: {
    path: '/v1/chat/completions',
    body: { model: 'simulator', messages },
    message: (json) => openaiError(json)['message'],
    param: (json) => openaiError(json)['param'],
  },
  ollama: {
    path: '/api/chat',
    body: { model: 'simulator', messages, stream: false },
    message: (json) => json['error'],
  },
  simple: {
    path: '/api/v1/chat',
    body: { message: 'hello' },
    message: (json) => json['detail'],
  },
};

const authorized = () => ({ authorization: `Bearer ${gateway.key}` });

function assertRefusal(answer: Answer, dialect: Dialect, expected: { status: number; says: RegExp }): void {
  assert.equal(answer.status, expected.status, answer.text);
  assert.match(String(dialect.message(answer.json)), expected.says);
  const id = answer.headers.get('x-millrace-id') ?? '';
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.equal(answer.headers.get('x-request-id'), id);
  assert.ok(answer.text.includes(id), `the id stands in the answer itself: ${answer.text}`);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
}

interface Refusal {
  readonly status: number;
  readonly says: RegExp;
  readonly head: (dialect: Dialect) => Head;
  /** The connection is not used again. */
  readonly closes?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

const json = (dialect: Dialect, more: object = {}): string => JSON.stringify({ ...dialect.body, ...more });

const refusals: Readonly<Record<string, Refusal>> = {
  '400 for what is not JSON': {
    status: 400,
    says: /not JSON/,
    head: ({ path }) => ({ path, headers: authorized(), body: '{"model": nope}' }),
  },
  '400 for a field of the wrong type, by name': {
    status: 400,
    says: /model must be a string/,
    head: (dialect) => ({ path: dialect.path, headers: authorized(), body: json(dialect, { model: 7 }) }),
  },
  '401 without a key': {
    status: 401,
    says: /no API key/,
    head: (dialect) => ({ path: dialect.path, body: json(dialect) }),
  },
  '401 for an unknown key': {
    status: 401,
    says: /not known/,
    head: (dialect) => ({
      path: dialect.path,
      headers: { authorization: 'Bearer sk-mr-wrong' },
      body: json(dialect),
    }),
  },
  '404 for an unknown model': {
    status: 404,
    says: /"nothing-like-it" does not exist/,
    head: (dialect) => ({
      path: dialect.path,
      headers: authorized(),
      body: json(dialect, { model: 'nothing-like-it' }),
    }),
  },
  '405 for another method, with what the path takes': {
    status: 405,
    says: /does not take PATCH; it takes POST/,
    head: ({ path }) => ({ path, method: 'PATCH', headers: authorized() }),
    headers: { allow: 'POST' },
  },
  '408 for a body that does not come': {
    status: 408,
    says: /not complete after 200 ms/,
    head: ({ path }) => ({ path, headers: { ...authorized(), 'content-length': '100' }, body: '{"model":' }),
    closes: true,
    headers: { 'x-should-retry': 'false' },
  },
  '411 for a body without a length': {
    status: 411,
    says: /no body/,
    head: ({ path }) => ({ path, method: 'POST', headers: authorized() }),
    closes: true,
  },
  '413 for a body over the limit': {
    status: 413,
    says: /larger than 4096 bytes/,
    head: ({ path }) => ({ path, headers: authorized(), body: 'x'.repeat(4097) }),
    closes: true,
  },
  '414 for path and query over 8 KiB': {
    status: 414,
    says: /longer than 8192/,
    head: ({ path }) => ({ path: `${path}?${'x'.repeat(8192)}`, headers: authorized() }),
  },
  '415 for a packing nobody knows': {
    status: 415,
    says: /packed as lzma/,
    head: (dialect) => ({
      path: dialect.path,
      headers: { ...authorized(), 'content-encoding': 'lzma' },
      body: json(dialect),
    }),
    closes: true,
  },
  '431 for 101 headers': {
    status: 431,
    says: /more than 100 headers/,
    head: ({ path }) => ({ path, headers: many(101) }),
    closes: true,
  },
  '431 for more than 16 KiB of headers': {
    status: 431,
    says: /larger than 16384 bytes/,
    head: ({ path }) => ({ path, headers: { 'x-large': 'x'.repeat(17_000) } }),
    closes: true,
  },
};

/** `host` is one of them. */
function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count - 1 }, (_, index) => [`x-${index}`, '1']));
}

for (const [name, dialect] of Object.entries(dialects)) {
  for (const [what, refusal] of Object.entries(refusals)) {
    test(`${name}: ${what} (G12)`, async () => {
      const bytes = requestBytes(refusal.head(dialect));
      const answer =
        refusal.closes === true
          ? (await untilClosed(gateway.port, bytes)).answer
          : await answerTo(gateway.port, bytes);
      assertRefusal(answer, dialect, refusal);
      for (const [header, value] of Object.entries(refusal.headers ?? {})) {
        assert.equal(answer.headers.get(header), value);
      }
    });
  }

  test(`${name}: 429 over the limit, with the time to come back`, async () => {
    const bytes = requestBytes({
      path: dialect.path,
      headers: { authorization: `Bearer ${strict.key}`, 'x-forwarded-for': '203.0.113.7' },
      body: json(dialect),
    });
    let answer = await answerTo(strict.port, bytes);
    if (answer.status === 200) answer = await answerTo(strict.port, bytes);
    assertRefusal(answer, dialect, { status: 429, says: /the limit 1 per 3600 s for each key is reached/ });
    const waitS = Number(answer.headers.get('retry-after'));
    assert.ok(waitS > 3500 && waitS <= 3600, `retry-after: ${waitS}`);
    // Clients that retry by themselves wait no longer than a minute: they are not to try at all.
    assert.equal(answer.headers.get('x-should-retry'), 'false');
  });

  test(`${name}: what is refused is refused again on the same connection, and good requests go on`, async () => {
    const bad = requestBytes({ path: dialect.path, headers: authorized(), body: '[]' });
    const good = requestBytes({
      path: dialect.path,
      headers: { ...authorized(), connection: 'close' },
      body: json(dialect),
    });
    const { statuses } = await untilClosed(gateway.port, Buffer.concat([bad, bad, good]));
    assert.deepEqual(statuses, [400, 400, 200]);
  });
}

test('openai: the field is named where its clients look for it', async () => {
  const cases = [
    [{ messages: 'hello' }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ n: 9 }, 'n'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
  ] as const;
  const { openai } = dialects;
  assert.ok(openai !== undefined);
  for (const [more, param] of cases) {
    const answer = await answerTo(
      gateway.port,
      requestBytes({ path: openai.path, headers: authorized(), body: json(openai, more) }),
    );
    assert.equal(answer.status, 400, answer.text);
    assert.equal(openai.param?.(answer.json), param);
  }
});

test('openai: 415 for a body that says it is something else than JSON', async () => {
  const { openai } = dialects;
  assert.ok(openai !== undefined);
  for (const type of [
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-x',
  ]) {
    const answer = await answerTo(
      gateway.port,
      requestBytes({
        path: openai.path,
        headers: { ...authorized(), 'content-type': type },
        body: json(openai),
      }),
    );
    assertRefusal(answer, openai, { status: 415, says: /must be application\/json/ });
  }
});

test('404 for a path that is nothing, in the dialect of its neighbours', async () => {
  const cases = [
    ['/v1/nothing', 'openai'],
    ['/api/nothing', 'ollama'],
    ['/api/v1/nothing', 'simple'],
  ] as const;
  for (const [path, name] of cases) {
    const dialect = dialects[name];
    assert.ok(dialect !== undefined);
    const answer = await answerTo(gateway.port, requestBytes({ path, headers: authorized() }));
    assertRefusal(answer, dialect, { status: 404, says: /there is nothing at/ });
  }
});

test('408 for headers that never end, in the stated time (C4)', async () => {
  const { answer, tookMs } = await untilClosed(
    gateway.port,
    'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n',
  );
  const { openai } = dialects;
  assert.ok(openai !== undefined);
  assertRefusal(answer, openai, { status: 408, says: /headers were not complete after 250 ms/ });
  assert.ok(tookMs >= 240 && tookMs < 2000, `cut after ${tookMs} ms`);
});
