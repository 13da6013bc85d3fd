/** Bodies made to hurt a parser: each is refused by name or carried as it is, and nothing breaks (C2). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { type Answer, answerTo, requestBytes } from './raw.ts';
import { watchWork } from './watch-work.ts';

let upstream: FakeLlm;
let gateway: TestGateway;
before(async () => {
  upstream = await openFakeLlm();
  gateway = await openTestGateway({
    config: {
      upstreams: { fake: { type: 'openai', url: upstream.url } },
      models: { m: { targets: [{ upstream: 'fake', model: 'm' }] } },
    },
  });
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

const paths = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/api/chat',
  '/api/generate',
  '/api/embed',
  '/generate',
  '/chat',
  '/api/v1/complete',
  '/embeddings',
];
const message = '{"role": "user", "content": "hello"}';
const chat = (more: string) => `{"model": "m", "messages": [${message}]${more === '' ? '' : `, ${more}`}}`;
const repeat = (count: number, entry: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => entry(index)).join(',');

const ask = (path: string, body: string | Buffer): Promise<Answer> =>
  answerTo(gateway.port, requestBytes({ path, headers: { authorization: `Bearer ${gateway.key}` }, body }));

/** What reached a model; listings of models come by themselves. */
const calls = () => upstream.requests.filter(({ method }) => method === 'POST').length;

interface Hostile {
  /** Where only these paths have such a field. */
  readonly only?: readonly string[];
  readonly body: () => string | Buffer;
  readonly says: RegExp;
}

const refused: Readonly<Record<string, Hostile>> = {
  'nothing at all': { body: () => ' ', says: /not JSON/ },
  'a list': { body: () => '[]', says: /must be a JSON object/ },
  'a number': { body: () => '7', says: /must be a JSON object/ },
  null: { body: () => 'null', says: /must be a JSON object/ },
  'two objects': { body: () => '{}{}', says: /not JSON/ },
  '100,000 levels of lists': {
    body: () => chat(`"x": ${'['.repeat(100_000)}${']'.repeat(100_000)}`),
    says: /deeper than 64/,
  },
  '100,000 levels of objects': {
    body: () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    says: /deeper than 64/,
  },
  '100,000 levels that never close': { body: () => '['.repeat(100_000), says: /deeper than 64/ },
  'a million keys': {
    body: () => `{${repeat(1_000_000, (index) => `"${index}":0`)}}`,
    says: /more than 1000 fields|larger than/,
  },
  'a million empty lists': {
    body: () => chat(`"x": [${repeat(1_000_000, () => '[]')}]`),
    says: /more than 200000 values/,
  },
  'a field that stands twice': { body: () => chat('"model": "other"'), says: /model stands twice/ },
  'a field that stands twice, once in escapes': {
    body: () => chat('"mod\\u0065l": "other"'),
    says: /model stands twice/,
  },
  'a long field that stands twice': {
    body: () => chat(`"${'x'.repeat(100_000)}": 1, "${'x'.repeat(100_000)}": 2`),
    says: /x{100}/,
  },
  'the name of the prototype': { body: () => chat('"__proto__": {"polluted": true}'), says: /__proto__/ },
  '__proto__ in escapes': {
    body: () => chat('"\\u005f_proto_\\u005f": {"polluted": true}'),
    says: /__proto__/,
  },
  '__proto__ deep inside': {
    body: () => chat('"tools": [{"function": {"parameters": {"__proto__": {"polluted": true}}}}]'),
    says: /__proto__/,
  },
  'half a character': { body: () => chat('"user": "\\ud800"'), says: /lone surrogate/ },
  'half a character in a key': { body: () => chat('"\\udfff": 1'), says: /lone surrogate/ },
  'bytes that are not UTF-8': {
    body: () => Buffer.concat([Buffer.from('{"model": "'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    says: /not valid UTF-8/,
  },
  'an overlong encoding': {
    body: () => Buffer.concat([Buffer.from('{"model": "'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    says: /not valid UTF-8/,
  },
  'UTF-16': { body: () => Buffer.from(`\ufeff${chat('')}`, 'utf16le'), says: /not valid UTF-8/ },
  NaN: { body: () => chat('"temperature": NaN'), says: /not JSON/ },
  Infinity: { body: () => chat('"temperature": -Infinity'), says: /not JSON/ },
  '1e999': {
    only: ['/v1/chat/completions', '/v1/completions', '/generate', '/chat'],
    body: () => chat('"temperature": 1e999'),
    says: /temperature must be a number/,
  },
  'NUL between tokens': { body: () => chat('"user":\0 "a"'), says: /not JSON/ },
  'NUL in a string': { body: () => chat('"user": "a\0b"'), says: /not JSON/ },
  'a comment': { body: () => `{/* hello */"model": "m"}`, says: /not JSON/ },
  'a comma too many': { body: () => `{"model": "m",}`, says: /not JSON/ },
  'single quotes': { body: () => `{'model': 'm'}`, says: /not JSON/ },
};

for (const [what, { only = paths, body, says }] of Object.entries(refused)) {
  test(`${what} is refused with 400 on every path, briefly and at little cost (C2)`, async () => {
    const before = calls();
    const bytes = body();
    for (const path of only) {
      const worked = watchWork();
      const answer = await ask(path, bytes);
      const workedMs = worked();
      assert.ok(answer.status === 400 || answer.status === 413, `${path}: ${answer.status} ${answer.text}`);
      if (path === '/v1/chat/completions') assert.match(answer.text, says);
      assert.ok(answer.text.length < 4096, `${answer.text.length} bytes of answer`);
      assert.ok(workedMs < 1000, `${path} took ${workedMs} ms of the processor`);
    }
    assert.equal(calls(), before);
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
}

const carried: Readonly<Record<string, string>> = {
  'an integer beyond 53 bits': '"seed": 123, "user_id": 12345678901234567890123',
  'a name of the prototype that is no danger':
    '"metadata": {"constructor": "a", "toString": "b", "hasOwnProperty": "c"}',
  'a whole character in two escapes': '"user": "\\ud83d\\ude00"',
  'NUL in escapes': '"user": "a\\u0000b"',
  'a very long string': `"user": "${'x'.repeat(5_000_000)}"`,
  'a long string of backslashes': `"user": "${'\\\\'.repeat(1_000_000)}"`,
  'a long string of quotes': `"user": "${'\\"'.repeat(1_000_000)}"`,
};

for (const [what, more] of Object.entries(carried)) {
  test(`${what} reaches an upstream of the same dialect byte for byte (C2)`, async () => {
    const worked = watchWork();
    const answer = await ask('/v1/chat/completions', chat(more));
    const workedMs = worked();
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
    assert.ok(
      upstream.requests
        .findLast(({ method }) => method === 'POST')
        ?.body.toString()
        .includes(more),
    );
    assert.ok(workedMs < 2000, `${workedMs} ms of the processor`);
  });
}

test('a body of prepared nonsense costs others nothing: they are answered meanwhile (C2)', async () => {
  const hostile = chat(`"x": [${repeat(1_000_000, () => '[]')}]`);
  const attacks = Array.from({ length: 10 }, () => ask('/v1/chat/completions', hostile));
  const waited: number[] = [];
  for (let done = 0; done < 10; done += 1) {
    const worked = watchWork();
    assert.equal((await ask('/v1/chat/completions', chat(''))).status, 200);
    waited.push(worked());
  }
  for (const { status } of await Promise.all(attacks)) assert.equal(status, 400);
  const median = waited.sort((a, b) => a - b)[5] ?? 0;
  assert.ok(median < 250, `others waited for ${median} ms of work`);
});
