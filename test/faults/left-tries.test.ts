// Who worked on a request in vain sends a bill all the same: its exchange costs what all tries came to.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createHeldClock } from '../held-clock.ts';
import { countWords } from '../upstream/answer.ts';
import { asked, type CarriedRigOptions, chunks, openCarriedRig, readStream, whole } from './carried-rig.ts';
import { until } from './rig.ts';

const isCall = ({ method }: { readonly method: string }) => method === 'POST';
const prices = {
  s0: { inputPerM: 100, outputPerM: 200 },
  s1: { inputPerM: 300, outputPerM: 500 },
  s2: { inputPerM: 700, outputPerM: 1100 },
};
/** Of a token: billionths of a dollar. */
const nano = (perM: number) => perM * 1_000;

async function openRig(t: TestContext, options: CarriedRigOptions) {
  return await openCarriedRig(t, { ...options, config: { prices, ...options.config } });
}

for (const [begun, said] of [
  ['anew', 1],
  ['skips', 1],
] as const) {
  test(`G17, G22: a server that ${begun} at the seam is paid for what it read and said, and the client's usage tells nothing of it`, async (t) => {
    const rig = await openRig(t, {
      servers: [
        { type: 'ollama', behaviour: { cutAfterChunks: 30 } },
        { type: 'openai', behaviour: { begun } },
        { type: 'openai' },
      ],
      config: { budgets: [{ per: 'key', tokens: 1_000_000, window: 'total' }] },
    });
    const reply = await rig.ask(asked.openai);
    const { usage, text } = readStream('openai', reply);
    assert.equal(text, whole);
    const last = await rig.servers[2]?.waitForRequest(isCall);
    assert.ok(last !== undefined);
    const row = await rig.row(reply);
    assert.deepEqual(
      row.attempts?.map(({ upstream, code }) => [upstream, code]),
      [['s1', 'not_continued']],
    );
    const [hop] = row.carriedOn ?? [];
    assert.ok(hop !== undefined);
    const { tokensAgain } = hop;
    const asked2 = countWords((last.json as { messages: unknown }).messages);
    const asked0 = asked2 - (30 - tokensAgain);
    const said2 = chunks.length - 30 + tokensAgain;
    assert.deepEqual(
      [usage?.prompt, usage?.completion],
      [asked0, chunks.length],
      'the client is told of one question and one answer',
    );
    assert.deepEqual([row.inputTokens, row.outputTokens], [asked0 + 2 * asked2, 30 + said + said2]);
    const first = asked0 * nano(100) + 30 * nano(200);
    const refused = asked2 * nano(300) + said * nano(500);
    assert.equal(row.costNanoUsd, first + refused + asked2 * nano(700) + said2 * nano(1100));
    const [standing] = await rig.gateway.gateway.snapshot.budgets.standings();
    assert.deepEqual(
      [standing?.spent, standing?.reserved],
      [row.inputTokens + row.outputTokens, 0],
      'its budget was settled at all of it',
    );
    await rig.quiet();
  });
}

test('G17, G22: where nobody goes on, whoever was asked to and did not is paid for beside what the client has', async (t) => {
  const rig = await openRig(t, {
    servers: [
      { type: 'ollama', behaviour: { cutAfterChunks: 30 } },
      { type: 'openai', behaviour: { begun: 'anew' } },
    ],
    model: { carryOn: 'on' },
    config: { carryOn: { tries: 1 } },
  });
  const reply = await rig.ask(asked.openai);
  assert.equal(readStream('openai', reply).ended, false);
  const row = await rig.row(reply);
  assert.deepEqual([row.outcome, row.upstream, row.carriedOn], ['failed', 's0', undefined]);
  // The question by its length, once with all in front of the two pieces that were to be said again.
  const question = Math.ceil('one two three'.length / 4);
  const handed = question + 30 - 2;
  assert.equal(row.inputTokens, question + handed);
  const said = row.outputTokens - 1;
  assert.ok(said >= 30, 'of a server that told nothing a token for each piece, or for each 4 bytes');
  const first = question * nano(100) + said * nano(200);
  assert.equal(row.costNanoUsd, first + handed * nano(300) + nano(500));
});

test('G17, G22: a try that told its usage before any content and broke off is paid for beside the one that answered', async (t) => {
  const told = { choices: [], usage: { prompt_tokens: 50, completion_tokens: 7 } };
  const rig = await openRig(t, {
    servers: [
      {
        type: 'openai',
        behaviour: {
          body: `data: ${JSON.stringify(told)}\n\n`,
          headers: { 'content-type': 'text/event-stream' },
        },
      },
      { type: 'openai', behaviour: { usage: { prompt: 40, completion: 90 } } },
    ],
  });
  const reply = await rig.ask(asked.openai);
  const { text, usage } = readStream('openai', reply);
  assert.deepEqual([text, usage], [whole, { prompt: 40, completion: 90 }]);
  const row = await rig.row(reply);
  assert.deepEqual([row.inputTokens, row.outputTokens], [90, 97]);
  const first = 50 * nano(100) + 7 * nano(200);
  assert.equal(row.costNanoUsd, first + 40 * nano(300) + 90 * nano(500));
});

test('U2, G22: a silent server that was given up had read the question, and one that refused costs nothing', async (t) => {
  const clock = createHeldClock();
  // What is sent at nought is taken for what was never sent.
  clock.advance(1);
  const rig = await openRig(t, {
    clock,
    servers: [{ type: 'openai', behaviour: { stallBeforeHead: true } }, { type: 'openai' }],
    model: { clocks: { firstTokenMs: 60_000 } },
  });
  const usage = { prompt: 40, completion: 90 };
  rig.servers[1]?.behave({ usage });
  const sent = rig.send(asked.openai);
  await rig.servers[0]?.waitForRequest(isCall);
  await until('another is asked', () => {
    clock.advance(1_000);
    return rig.servers[1]?.requests.some(isCall) === true;
  });
  const reply = await sent.reply();
  assert.equal(readStream('openai', reply).text, whole);
  const row = await rig.row(reply);
  // The question as long as the second one counted it: of one that tells nothing no more is known.
  assert.deepEqual([row.inputTokens, row.outputTokens], [80, 90]);
  assert.equal(row.costNanoUsd, 40 * nano(100) + 40 * nano(300) + 90 * nano(500));
  rig.servers[0]?.behave({ stallBeforeHead: false, status: 503 });
  const other = await rig.row(await rig.ask(asked.openai));
  assert.equal(other.attempts?.length, 1);
  assert.equal(other.costNanoUsd, 40 * nano(300) + 90 * nano(500));
});
