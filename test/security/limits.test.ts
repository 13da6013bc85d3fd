/** Every limit on a request, at the limit and one beyond it, before any work is done for it (G12). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { type Answer, answerTo, type Head, requestBytes } from './raw.ts';
import { watchWork } from './watch-work.ts';

let upstream: FakeLlm;
let gateway: TestGateway;
before(async () => {
  upstream = await openFakeLlm();
  gateway = await openTestGateway({ config: config() });
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

const config = (more: object = {}) => ({
  upstreams: { fake: { type: 'openai', url: upstream.url } },
  models: { m: { targets: [{ upstream: 'fake', model: 'm' }] } },
  ...more,
});

/** What reached a model; listings of models come by themselves. */
const calls = () => upstream.requests.filter(({ method }) => method === 'POST').length;

interface Limit {
  readonly at: Head;
  readonly beyond: Head;
  readonly status: number;
  readonly says: RegExp;
}

const hello = { role: 'user', content: 'hello' };
const chat = (more: object = {}): Head => ({
  path: '/v1/chat/completions',
  body: JSON.stringify({ model: 'm', messages: [hello], ...more }),
});
const complete = (more: object): Head => ({
  path: '/v1/completions',
  body: JSON.stringify({ model: 'm', prompt: 'hello', ...more }),
});
const list = <T>(length: number, entry: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => entry(index));
const tool = (index: number) => ({ type: 'function', function: { name: `t${index}` } });
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };

/** A body of exactly this many bytes. */
function sized(bytes: number): Head {
  const empty = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: '' }] });
  return chat({ messages: [{ role: 'user', content: 'x'.repeat(bytes - empty.length) }] });
}

/** A body whose deepest value lies this deep. */
const deep = (depth: number): Head =>
  chat({ metadata: JSON.parse(`${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}`) as unknown });

/** Host, key, length and this many more. */
const headers = (count: number): Head => ({
  ...chat(),
  headers: Object.fromEntries(list(count - 3, (index) => [`x-${index}`, '1'])),
});

const fields = (count: number) => Object.fromEntries(list(count, (index) => [`field${index}`, 0]));

const wide = (bytes: number): Head => ({ ...chat(), headers: { 'x-wide': 'x'.repeat(bytes) } });

function addressed(bytes: number): Head {
  const { path } = chat();
  return { ...chat(), path: `${path}?${'x'.repeat(bytes - path.length)}` };
}

const limits: Readonly<Record<string, Limit>> = {
  '100 headers': { at: headers(100), beyond: headers(101), status: 431, says: /more than 100 headers/ },
  '16 KiB of headers': { at: wide(16_000), beyond: wide(16_500), status: 431, says: /16384 bytes/ },
  '8 KiB of address': { at: addressed(8191), beyond: addressed(8193), status: 414, says: /8192 bytes/ },
  '10 MiB of body': {
    at: sized(10 * 1024 * 1024),
    beyond: sized(10 * 1024 * 1024 + 1),
    status: 413,
    says: /10485760 bytes/,
  },
  '64 levels': { at: deep(64), beyond: deep(65), status: 400, says: /deeper than 64 levels/ },
  '200,000 values': {
    at: chat({ metadata: list(199_990, () => 0) }),
    beyond: chat({ metadata: list(200_001, () => 0) }),
    status: 400,
    says: /more than 200000 values/,
  },
  '50,000 names of fields': {
    at: chat({ metadata: fields(49_990) }),
    beyond: chat({ metadata: fields(50_001) }),
    status: 400,
    says: /more than 50000 names of fields/,
  },
  '1,000 fields': {
    at: chat(fields(998)),
    beyond: chat(fields(999)),
    status: 400,
    says: /more than 1000 fields/,
  },
  '2,000 messages': {
    at: chat({ messages: list(2000, () => hello) }),
    beyond: chat({ messages: list(2001, () => hello) }),
    status: 400,
    says: /messages has 2001 entries; at most 2000/,
  },
  '256 tools': {
    at: chat({ tools: list(256, tool) }),
    beyond: chat({ tools: list(257, tool) }),
    status: 400,
    says: /tools has 257 entries; at most 256/,
  },
  '8 answers': { at: chat({ n: 8 }), beyond: chat({ n: 9 }), status: 400, says: /n must be between 1 and 8/ },
  '8 attempts at a completion': {
    at: complete({ best_of: 8 }),
    beyond: complete({ best_of: 9 }),
    status: 400,
    says: /best_of must be between 1 and 8/,
  },
  '20 alternatives a token': {
    at: chat({ logprobs: true, top_logprobs: 20 }),
    beyond: chat({ logprobs: true, top_logprobs: 21 }),
    status: 400,
    says: /top_logprobs must be between 0 and 20/,
  },
  '32 images over all messages': {
    at: chat({ messages: list(2, () => ({ role: 'user', content: list(16, () => image) })) }),
    beyond: chat({
      messages: [
        { role: 'user', content: list(16, () => image) },
        { role: 'user', content: list(17, () => image) },
      ],
    }),
    status: 400,
    says: /messages\[1\].*images|images.*32|at most/,
  },
  '16 KiB of a grammar': {
    at: chat({ guided_regex: 'x'.repeat(16 * 1024 - 2) }),
    beyond: chat({ guided_regex: 'x'.repeat(16 * 1024 - 1) }),
    status: 400,
    says: /guided_regex is larger than 16384 bytes/,
  },
};

const ask = (target: TestGateway, head: Head): Promise<Answer> =>
  answerTo(
    target.port,
    requestBytes({ ...head, headers: { authorization: `Bearer ${target.key}`, ...head.headers } }),
  );

for (const [what, { at, beyond, status, says }] of Object.entries(limits)) {
  test(`${what} are served, and more are refused at little cost (G12)`, async () => {
    assert.equal((await ask(gateway, at)).status, 200);
    const before = calls();
    const worked = watchWork();
    const answer = await ask(gateway, beyond);
    const workedMs = worked();
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, says);
    assert.equal(calls(), before, 'the upstream saw nothing of it');
    assert.ok(workedMs < 400, `refusing took ${workedMs} ms of the processor`);
  });
}

const dangerous: readonly (readonly [string, unknown])[] = [
  ['n_discard', -1],
  ['chat_template', '{% for i in range(10**9) %}{% endfor %}'],
  ['chat_template_kwargs', { enable_thinking: false }],
  ['guided_json', { enum: list(4000, (index) => `word${index}`) }],
  ['structured_outputs', { regex: '(a|b)'.repeat(4000) }],
  ['structural_tag', { structures: list(4000, (index) => ({ begin: `<${index}>` })) }],
  ['grammar', 'root ::= "a"\n'.repeat(2000)],
];

for (const [name, value] of dangerous) {
  test(`${name} is refused by name in every dialect, unless the operator allows it (G12)`, async () => {
    const ollama: Head = {
      path: '/api/chat',
      body: JSON.stringify({ model: 'm', messages: [hello], stream: false, options: { [name]: value } }),
    };
    const places = [
      [chat({ [name]: value }), name],
      [complete({ [name]: value }), name],
      [chat({ options: { [name]: value } }), `options.${name}`],
      [ollama, `options.${name}`],
    ] as const;
    for (const [head, param] of places) {
      const answer = await ask(gateway, head);
      assert.equal(answer.status, 400);
      assert.ok(answer.text.includes(`${param} is `), answer.text);
    }
    const trusting = await openTestGateway({ config: config({ allowParameters: [name] }) });
    try {
      assert.equal((await ask(trusting, chat({ [name]: value }))).status, 200);
    } finally {
      await trusting.close();
    }
  });
}

test('what is not dangerous passes to an upstream of the same dialect untouched (G12)', async () => {
  const more = { guided_choice: ['a', 'b'], chat_template: null, my_field: { a: 1 } };
  const answer = await ask(gateway, chat(more));
  assert.equal(answer.status, 200);
  const request = upstream.requests.findLast(({ method }) => method === 'POST');
  assert.deepEqual(request?.json, { ...(JSON.parse(String(chat(more).body)) as object) });
});
