// C8, G15: nobody owns a call that equal requests share. Whoever leaves only leaves; what fails for one has one other go on.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Behaviour } from '../upstream/behaviour.ts';
import type { RawClient, RawReply } from '../upstream/raw-client.ts';
import type { RecordedRequest } from '../upstream/recording.ts';
import { type Call, type FaultRig, openFaultRig, until } from './rig.ts';

const isCall = ({ method }: RecordedRequest): boolean => method === 'POST';
const statusOf = ({ head }: RawReply) => Number(head.slice(9, 12));
const idOf = ({ head }: RawReply) => /^x-millrace-id: (\S+)/im.exec(head)?.[1] ?? '';
const body = { temperature: 0, max_tokens: 4 };
const stream: Call = { route: 'openai.chat', stream: true, body };
const whole: Call = { route: 'openai.chat', body };

interface Line {
  readonly id: string;
  readonly model: string;
  readonly outcome: string;
  readonly code?: string;
  readonly outputTokens?: number;
  readonly sharedFrom?: string;
  readonly sharedWith?: number;
}

function calls(rig: FaultRig): number {
  return rig.llm.requests.filter(isCall).length;
}

function linesOf(rig: FaultRig): readonly Line[] {
  const lines = rig.gateway.exchangeLines.map((line) => JSON.parse(line) as Line);
  // Scrapes have lines as well.
  return lines.filter(({ model }) => model !== '');
}

/** Each after the one before has been read, so that the first is the first. */
async function sendInOrder(rig: FaultRig, call: Call, count: number): Promise<readonly RawClient[]> {
  const clients: RawClient[] = [];
  for (let number = 1; number <= count; number += 1) {
    clients.push(rig.send(call));
    await until(`${number} are there`, () => rig.gateway.gateway.listener.inFlight === number);
  }
  return clients;
}

const phases: Readonly<
  Record<string, { readonly call: Call; readonly behaviour: Partial<Behaviour>; readonly begun: boolean }>
> = {
  'before a whole answer': { call: whole, behaviour: { firstTokenMs: 400 }, begun: false },
  'of embeddings': { call: { route: 'openai.embeddings' }, behaviour: { firstTokenMs: 400 }, begun: false },
  'before a stream': { call: stream, behaviour: { firstTokenMs: 400 }, begun: false },
  'in the middle of a stream': { call: stream, behaviour: { tokensPerSecond: 10 }, begun: true },
  'in the middle of lines': {
    call: { route: 'ollama.generate', model: 'l', stream: true, body: { options: { temperature: 0 } } },
    behaviour: { tokensPerSecond: 10 },
    begun: true,
  },
};

for (const [when, { call, behaviour, begun }] of Object.entries(phases)) {
  test(`C8, G15: whoever leaves ${when} takes nothing from the others, and the last takes the upstream along`, async (t) => {
    const rig = await openFaultRig(t, { behaviour });
    for (const leaving of ['first', 'other'] as const) {
      const before = calls(rig);
      const clients = await sendInOrder(rig, call, 3);
      const request = await rig.llm.waitForRequest(isCall);
      if (begun) await Promise.all(clients.map((client) => client.received(200)));
      clients[leaving === 'first' ? 0 : 1]?.socket.resetAndDestroy();
      const stay = clients.filter((_, index) => index !== (leaving === 'first' ? 0 : 1));
      const replies = await Promise.all(stay.map((client) => client.reply()));
      assert.deepEqual(replies.map(statusOf), [200, 200]);
      assert.ok(replies.every(({ isComplete }) => isComplete));
      assert.equal(replies[0]?.content.toString(), replies[1]?.content.toString());
      assert.equal(calls(rig) - before, 1);
      assert.ok(!request.aborted);
      await rig.quiet();
    }
    await until('all are written', () => linesOf(rig).length === 6);
    const carrying = linesOf(rig).filter(({ sharedWith = 0 }) => sharedWith > 0);
    assert.deepEqual(carrying.map(({ outcome, sharedWith }) => [outcome, sharedWith]).sort(), [
      ['aborted', 2],
      ['complete', 1],
    ]);
    // What the call came to stands in the row of whoever was first, also where that one has left.
    const told = linesOf(rig).filter((line) => 'outputTokens' in line || 'inputTokens' in line);
    assert.deepEqual(told.map(({ id }) => id).sort(), carrying.map(({ id }) => id).sort());

    rig.llm.behave({
      firstTokenMs: 0,
      tokensPerSecond: Number.POSITIVE_INFINITY,
      stallAfterChunks: begun ? 1 : 0,
    });
    const clients = await sendInOrder(rig, call, 3);
    const request = await rig.llm.waitForRequest(isCall);
    for (const client of clients.slice(0, 2)) client.socket.resetAndDestroy();
    await until('two have left', () => rig.gateway.gateway.listener.inFlight === 1);
    assert.equal(request.closedAt, undefined, 'one is still there');
    const leftAt = performance.now();
    clients[2]?.socket.resetAndDestroy();
    await rig.llm.waitForClose(request);
    assert.ok(request.aborted);
    assert.ok((request.closedAt ?? Number.NaN) - leftAt < 1_000);
    await rig.quiet();
  });
}

test('C8: who leaves the queue first leaves its place to the others', async (t) => {
  const rig = await openFaultRig(t, { upstream: { slots: 1 } });
  rig.llm.scriptNext({ firstTokenMs: 300 });
  const before = rig.ask({ route: 'openai.chat', body: { max_tokens: 3 } });
  await rig.llm.waitForRequest(isCall);
  const clients = [rig.send(whole)];
  await until('it is queued', () => rig.gateway.gateway.lasting.scheduler.waiting === 1);
  clients.push(rig.send(whole), rig.send(whole));
  await until('all are there', () => rig.gateway.gateway.listener.inFlight === 4);
  assert.equal(rig.gateway.gateway.lasting.scheduler.waiting, 1, 'those who share hold no place');
  clients[0]?.socket.resetAndDestroy();
  const replies = await Promise.all(clients.slice(1).map((client) => client.reply()));
  assert.deepEqual(replies.map(statusOf), [200, 200]);
  assert.equal(statusOf(await before), 200);
  assert.equal(calls(rig), 2);
  await rig.quiet();
});

/** Whatever breaks for all is told to each under its own id. */
async function assertEachTold(
  t: TestContext,
  given: { call: Call; behaviour: Partial<Behaviour>; status: number; code: RegExp },
) {
  const rig = await openFaultRig(t, { behaviour: given.behaviour, config: { retries: { attempts: 1 } } });
  const clients = await sendInOrder(rig, given.call, 4);
  const replies = await Promise.all(clients.map((client) => client.reply()));
  assert.equal(calls(rig), 1, 'nobody asks again for what failed for all');
  assert.deepEqual([...new Set(replies.map(statusOf))], [given.status]);
  for (const reply of replies) {
    const text = reply.content.toString();
    assert.match(text, given.code);
    assert.ok(text.includes(idOf(reply)), 'under its own id');
    assert.equal(text.split('request_id').length, 2, 'and once');
    assert.doesNotMatch(text, /\[DONE\]/);
  }
  await until('all are written', () => linesOf(rig).length === 4);
  assert.deepEqual([...new Set(linesOf(rig).map(({ outcome }) => outcome))], ['failed']);
  await rig.quiet();
}

test('C8: what fails upstream fails for all, each in words of its own', (t) =>
  assertEachTold(t, {
    call: whole,
    behaviour: { firstTokenMs: 300, status: 500 },
    status: 502,
    code: /upstream_failed/,
  }));

test('C8, G17: a stream that breaks after its first content ends with an error for each', (t) =>
  assertEachTold(t, {
    call: stream,
    behaviour: { tokensPerSecond: 10, resetAfterChunks: 2 },
    status: 200,
    code: /upstream_cut/,
  }));

test('G17: what comes in one piece with what breaks it ends with an error, and not as if it were complete', async (t) => {
  const said = { choices: [{ index: 0, delta: { role: 'assistant', content: 'one' }, finish_reason: null }] };
  const rig = await openFaultRig(t, {
    behaviour: {
      headers: { 'content-type': 'text/event-stream' },
      body: `data: ${JSON.stringify(said)}\n\ndata: {"error":{"message":"out of memory"}}\n\n`,
    },
  });
  const text = (await rig.ask(stream)).content.toString();
  assert.match(text, /"content":"one"/);
  assert.match(text, /"error":\{.*upstream_failed/);
  assert.doesNotMatch(text, /\[DONE\]/);
});
