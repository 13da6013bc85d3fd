/** What Ollama's own client makes of failures: the status, and words that say what to mend. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ollama } from 'ollama';
import type { Behaviour } from '../upstream/behaviour.ts';
import {
  collect,
  type Fleet,
  isCall,
  model,
  ollamaFake,
  openaiFake,
  simulator,
  until,
} from './fleet-kinds.ts';
import { failureOf } from './ollama-refusal.ts';

const messages = [{ role: 'user', content: 'one two three four' }];
const chat = { model, messages };

const rows: readonly [what: string, behaviour: Partial<Behaviour>, status: number][] = [
  ['a 400', { status: 400 }, 400],
  ['a 401, which is about our key (G5)', { status: 401 }, 502],
  ['a 429', { status: 429 }, 429],
  ['a 500', { status: 500 }, 502],
  ['a 503', { status: 503 }, 503],
  ['a page instead of an answer', { body: '<html></html>' }, 502],
];

for (const kind of [openaiFake, ollamaFake]) {
  describe(`the ollama package, when ${kind.name} fails`, () => {
    for (const [what, behaviour, status] of rows) {
      test(`${what} is a ${status} with words`, async () => {
        await using fleet = await kind.open({ behaviour });
        const failure = await failureOf(fleet.ollama.chat(chat));
        assert.equal(failure.status_code, status);
        assert.ok(failure.message.length > 0);
        const streamed = await failureOf(fleet.ollama.chat({ ...chat, stream: true }).then(collect));
        // Even what began with 200 at the server behind, as long as no word of an answer has come.
        assert.equal(streamed.status_code, status);
      });
    }

    test('a stream that breaks after its first words throws after them', async () => {
      for (const behaviour of [
        { errorEventAfter: 2 },
        { cutAfterBytes: 500 },
        { endMarker: 'never' },
      ] as const) {
        await using fleet = await kind.open({ behaviour: { ...behaviour, tokensPerSecond: 500 } });
        const stream = await fleet.ollama.chat({ ...chat, stream: true });
        let said = '';
        const failure = await failureOf(
          (async () => {
            for await (const line of stream) said += line.message.content;
          })(),
        );
        assert.match(said, /^echo:/);
        assert.match(failure.message, /the upstream|running the model/);
      }
    });
  });
}

test('a wrong key is a 401, in the address and in a header', async () => {
  await using fleet = await openaiFake.open();
  const { url } = fleet.gateway;
  const clients = [
    new Ollama({ host: `${url}/k/sk-mr-wrong` }),
    new Ollama({ host: url, headers: { authorization: 'Bearer sk-mr-wrong' } }),
    new Ollama({ host: url }),
  ];
  for (const client of clients) assert.equal((await failureOf(client.chat(chat))).status_code, 401);
  assert.deepEqual(callsOf(fleet), []);
});

test('an unknown model is a 404 in the words that its own clients look for', async () => {
  await using fleet = await openaiFake.open();
  // Until every upstream has told its models, an unknown name may yet be one of theirs: that is a 503.
  const ask = () => failureOf(fleet.ollama.chat({ ...chat, model: 'nothing' }));
  await until('the upstreams have told their models', async () => (await ask()).status_code !== 503);
  const failure = await ask();
  assert.equal(failure.status_code, 404);
  assert.match(failure.message, /nothing.*(?:not found|does not exist)/);
});

test('what a server without Ollama cannot do is refused by name', async () => {
  const refused: readonly [object, string][] = [
    [{ context: [1, 2, 3] }, 'context'],
    [{ template: '{{ .Prompt }}' }, 'template'],
    [{ raw: true, system: 'Be brief' }, 'system'],
    [{ images: ['data:image/png;base64,AAAA'] }, 'images'],
    [{ options: { temperature: 'hot' } }, 'options.temperature'],
    [{ format: 'xml' }, 'format'],
  ];
  for (const kind of [openaiFake, simulator]) {
    await using fleet = await kind.open();
    for (const [fields, named] of refused) {
      const asked = { model, prompt: 'hello', ...fields };
      const failure = await failureOf(fleet.ollama.generate(asked as { model: string; prompt: string }));
      assert.equal(failure.status_code, 400, `${named}: ${failure.message}`);
      assert.ok(failure.message.includes(named), failure.message);
    }
    assert.deepEqual(callsOf(fleet), []);
  }
});

test('hints to an engine are left out where they mean nothing, and the answer says so', async () => {
  await using fleet = await openaiFake.open();
  const response = await fetch(`${fleet.gateway.url}/k/${fleet.gateway.key}/api/chat`, {
    method: 'POST',
    body: JSON.stringify({ ...chat, stream: false, keep_alive: '5m', options: { num_ctx: 4096, seed: 3 } }),
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('x-millrace-warning') ?? '', /options\.num_ctx .*keep_alive/);
  const [reached] = callsOf(fleet);
  assert.deepEqual(reached, { model: 'fake-model', messages, seed: 3 });
});

function callsOf({ fake }: Fleet): readonly unknown[] {
  return fake?.requests.filter(isCall).map(({ json }) => json) ?? [];
}
