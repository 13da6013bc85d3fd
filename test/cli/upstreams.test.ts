// `millrace upstreams`: two simulators on a laptop, one is drained in the middle of an answer, and no word of it is lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { millrace, openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

let place: Place;
let gateway: RunningProcess;

before(async () => {
  place = await openPlace();
  await place.write(
    'millrace.yaml',
    `upstreams:
  mill-a: { type: simulator, tokensPerSecond: 4 }
  mill-b: { type: simulator, tokensPerSecond: 0 }
  lone: { type: simulator, seed: 7 }
models:
  mill:
    targets:
      - { upstream: mill-a, model: simulator }
      - { upstream: mill-b, model: simulator, tier: 2 }
  alone: { targets: [{ upstream: lone, model: simulator }] }
carryOn: { comment: true }
`,
  );
  gateway = await serve([], { place });
});

after(async () => {
  await gateway.stop();
  await place[Symbol.asyncDispose]();
});

const ask = async (fields: object = {}) =>
  await fetch(`${gateway.ready.clients}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await gateway.key()}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'mill',
      messages: [{ role: 'user', content: 'Say 120 tokens' }],
      ...fields,
    }),
  });

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}

const textIn = (events: string) =>
  [...events.matchAll(/^data: (\{.*)$/gm)]
    .map(([, json = '']) => JSON.parse(json).choices?.[0]?.delta?.content ?? '')
    .join('');

test('a simulator is drained while it speaks, and another one goes on to the same words', async () => {
  const { choices } = (await (await ask({ model: 'mill-b/simulator' })).json()) as Answer;
  const whole = choices[0]?.message.content;
  const answer = await ask({ stream: true });
  const decoder = new TextDecoder();
  let events = '';
  let drained: ReturnType<typeof millrace> | undefined;
  for await (const bytes of answer.body ?? []) {
    events += decoder.decode(bytes, { stream: true });
    // The verb has half a minute to arrive.
    if (textIn(events).length > 20)
      drained ??= millrace(['upstreams', 'drain', 'mill-a', '--wait'], { place });
  }
  const { code, out } = (await drained) ?? {};
  assert.equal(code, 0);
  assert.match(
    out ?? '',
    /mill-a is drained: 1 stream is gone on with elsewhere, nothing is under way there/,
  );
  assert.match(events, /: carried on by mill-b/);
  assert.equal(textIn(events), whole);
  assert.ok(events.endsWith('data: [DONE]\n\n'));
});

test('whoever looks sees what is drained, by whom, and it is asked again when it is resumed', async () => {
  await runVerb(['upstreams', 'drain', 'mill-a'], { place });
  assert.equal((await ask({ max_tokens: 2 })).headers.get('x-millrace-target')?.split('/')[0], 'mill-b');
  const [listed, ps, models] = await Promise.all(
    [['upstreams'], ['ps'], ['models']].map((words) => runVerb(words, { place })),
  );
  assert.match(listed?.out ?? '', /mill-a +simulator +drained +.*by admin-token since 20/);
  assert.match(ps?.out ?? '', /mill-a \(drained\)/);
  assert.match(models?.out ?? '', /mill-a\/simulator \(drained\)/);
  const resumed = await runVerb(['upstreams', 'resume', 'mill-a'], { place });
  assert.deepEqual([resumed.code, resumed.out.trim()], [0, 'mill-a is asked again']);
  await until('it is', async () => {
    return (await ask({ max_tokens: 2 })).headers.get('x-millrace-target')?.startsWith('mill-a') === true;
  });
});

test('the last server of a model is drained with a warning, and a name that nobody has is refused', async () => {
  const { code, out, err } = await runVerb(['upstreams', 'drain', 'lone', '--json'], { place });
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).drained, true);
  assert.match(err, /nobody is left to serve alone/);
  const unknown = await runVerb(['upstreams', 'drain', 'nobody'], { place });
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /there is no upstream nobody/);
  assert.equal((await runVerb(['upstreams', 'drain'], { place })).code, 2);
});
