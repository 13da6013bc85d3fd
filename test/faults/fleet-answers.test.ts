// U3, U9, U13, U14, U18, C7, C8: what one server of several does wrong, or a client that leaves, is nobody else's loss.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../held-clock.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import type { RecordedRequest } from '../upstream/recording.ts';
import { type FleetRig, openFleetRig } from './fleet-rig.ts';
import { type Call, openFaultRig, until } from './rig.ts';

const whole: Call = { route: 'openai.chat', body: { max_tokens: 8 } };
const stream: Call = { ...whole, stream: true };
const isCall = ({ method }: RecordedRequest): boolean => method === 'POST';
const statusOf = ({ head }: RawReply) => Number(head.slice(9, 12));

/** What can be told before the client has seen anything: another server answers, and the first one pays for it. */
const toldInTime: Readonly<Record<string, readonly [Partial<Behaviour>, Call]>> = {
  'U3: a stream of comments alone': [{ keepAliveOnlyMs: 20 }, stream],
  'U9: an answer shorter than it says': [{ framing: 'length-too-long' }, whole],
};

for (const [what, [behaviour, call]] of Object.entries(toldInTime)) {
  test(`${what} is given by another server, and the one that does so is left out`, async (t) => {
    const rig = await openFleetRig(t, {
      names: ['bad', 'good'],
      tiers: { good: 2 },
      clocks: { firstTokenMs: 300, idleMs: 300 },
      config: { retries: { budget: 1 }, health: { everyMs: 100 } },
    });
    rig.llmOf('bad').behave(behaviour);
    const reply = await rig.ask(call);
    assert.equal(statusOf(reply), 200, reply.content.toString());
    assert.match(reply.head, /^x-millrace-target: good/m);
    await rig.quiet();
    await until('its slot and its connection are free', () => openCalls(rig, 'bad') === 0);
    const { health } = rig.gateway.gateway.lasting;
    assert.ok(health.of(rig.upstreamOf('bad')).failures > 0);
  });
}

function openCalls(rig: FleetRig, name: string): number {
  return rig.llmOf(name).requests.filter((request) => isCall(request) && request.closedAt === undefined)
    .length;
}

test('U14: an answer without end of one server is refused when it is too large, and others are served meanwhile', async (t) => {
  const rig = await openFleetRig(t, { names: ['huge', 'good'] });
  rig.llmOf('huge').behave({ paddingBytes: 100 * 1024 * 1024 });
  const replies = await Promise.all(Array.from({ length: 8 }, () => rig.ask(whole)));
  const codes = replies.map(statusOf);
  assert.deepEqual([...new Set(codes)].sort(), [200, 502]);
  for (const reply of replies.filter((each) => statusOf(each) === 502))
    assert.match(reply.content.toString(), /"code":"response_too_large"/);
  assert.equal(
    rig.callsOf('huge'),
    codes.filter((code) => code === 502).length,
    'none is asked for it again',
  );
});

test('U13: a stream without end of one server is cut at what was asked for, and its slot is free', async (t) => {
  const rig = await openFleetRig(t, { names: ['endless', 'good'], tiers: { good: 2 }, slots: 1 });
  rig.llmOf('endless').behave({ endless: true, tokensPerSecond: 200 });
  const [cut, other] = await Promise.all([rig.ask(stream), rig.ask(stream)]);
  assert.deepEqual(
    [cut, other].map(({ head }) => /^x-millrace-target: (\w+)/m.exec(head)?.[1]).sort(),
    ['endless', 'endless'],
    'the second waited for the slot of the first',
  );
  await rig.quiet();
  await until('its slot and its connection are free', () => openCalls(rig, 'endless') === 0);
});

interface Counted {
  readonly upstream: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: number;
  readonly warnings?: readonly string[];
}

test('U18: of several servers one counts nonsense: no row is negative, and it is doubted where it is told', async (t) => {
  const rig = await openFleetRig(t, {
    names: ['liar', 'good'],
    config: { prices: { o: { inputPerM: 1, outputPerM: 1 } } },
  });
  rig.llmOf('liar').behave({ usage: { prompt: -5, completion: 1e15 } });
  for (let count = 0; count < 6; count += 1) assert.equal(statusOf(await rig.ask(whole)), 200);
  await until('they are written', () => rig.exchanges().length === 6);
  const rows = rig.gateway.exchangeLines.map((line) => JSON.parse(line) as Counted);
  for (const { upstream, warnings = [], ...counted } of rows) {
    const isDoubted = warnings.some((warning) => warning.includes('cannot be right'));
    assert.equal(isDoubted, upstream === 'liar');
    assert.ok(counted.inputTokens >= 0 && counted.costNanoUsd >= 0);
    assert.ok(upstream === 'good' ? counted.outputTokens === 4 : counted.outputTokens <= 100_000_000);
  }
});

test('G15, C7: a client that leaves while a second server is tried has both closed, and no third is asked', async (t) => {
  const rig = await openFleetRig(t, {
    names: ['a', 'b', 'c'],
    tiers: { b: 2, c: 3 },
    config: { retries: { attempts: 3 } },
  });
  for (const call of [whole, stream]) {
    rig.llmOf('a').scriptNext({ resetAfterRequest: true });
    rig.llmOf('b').scriptNext({ stallBeforeHead: true });
    const client = rig.send(call);
    const second = await rig.llmOf('b').waitForRequest(isCall);
    client.socket.destroy();
    await rig.llmOf('b').waitForClose(second);
    await rig.quiet();
  }
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => rig.callsOf(name)),
    [2, 2, 0],
  );
});

test('C8: a thousand equal requests at once: each has the answer, and no server more than its slots', async (t) => {
  const rig = await openFleetRig(t, {
    names: ['a', 'b'],
    slots: 8,
    behaviour: { slots: 8, whenFull: 'refuse' },
  });
  const replies = await Promise.all(Array.from({ length: 1_000 }, () => rig.ask(whole)));
  assert.deepEqual([...new Set(replies.map(statusOf))], [200]);
  const texts = replies.map(({ content }) => /"content":"([^"]*)"/.exec(content.toString())?.[1]);
  assert.equal(new Set(texts).size, 1);
  // A server that had one more than its slots would have refused it, and been asked again elsewhere.
  assert.equal(rig.calls(), 1_000);
  await rig.quiet();
});

test('G17: the same server is asked again after a pause that differs, never at once for all who were cut off there', async (t) => {
  const clock = createHeldClock();
  const rig = await openFaultRig(t, { clock });
  const pauses = new Set<number>();
  for (let round = 0; round < 5; round += 1) {
    rig.llm.scriptNext({ resetAfterRequest: true });
    const asked = rig.ask(whole);
    await until('it pauses', () => clock.nextInMs <= 50);
    pauses.add(clock.nextInMs);
    clock.advance(50);
    assert.equal(statusOf(await asked), 200);
  }
  assert.ok(pauses.size > 1, [...pauses].join());
});
