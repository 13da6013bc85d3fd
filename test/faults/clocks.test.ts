// G16: five clocks, each with its own name; what is a little faster than a clock passes, what is slower is told by it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Behaviour } from '../upstream/behaviour.ts';
import { endingOf, wantOf } from '../wants.ts';
import { openDeafServer } from './deaf-server.ts';
import { type Call, openFaultRig, until } from './rig.ts';

const clockMs = 400;
/** What takes so long was not ended by the clock. Timers of a shared machine are late; they are never early. */
const otherMs = 10_000;

interface Row {
  readonly clock: string;
  readonly code: string;
  readonly status: number;
  readonly call: Call;
  /** An upstream that takes so long for what this clock watches. */
  readonly slow: (ms: number) => Partial<Behaviour>;
}

const stream: Call = { route: 'openai.chat', stream: true };
const chunks = ['a', 'b'];

const rows: readonly Row[] = [
  {
    clock: 'firstTokenMs',
    code: 'first_token_timeout',
    status: 504,
    call: stream,
    slow: (ms) => ({ firstTokenMs: ms }),
  },
  {
    clock: 'firstTokenMs',
    code: 'first_token_timeout',
    status: 504,
    call: { ...stream, model: 'l' },
    slow: (ms) => ({ firstTokenMs: ms }),
  },
  {
    clock: 'idleMs',
    code: 'idle_timeout',
    status: 200,
    call: stream,
    slow: (ms) => ({ chunks, tokensPerSecond: 1000 / ms }),
  },
  {
    clock: 'idleMs',
    code: 'idle_timeout',
    status: 200,
    call: { ...stream, model: 'l' },
    slow: (ms) => ({ chunks, tokensPerSecond: 1000 / ms }),
  },
  {
    clock: 'totalMs',
    code: 'total_timeout',
    status: 504,
    call: { route: 'openai.chat' },
    slow: (ms) => ({ firstTokenMs: ms }),
  },
  {
    clock: 'totalMs',
    code: 'total_timeout',
    status: 200,
    call: stream,
    slow: (ms) => ({ chunks: ['a', 'b', 'c', 'd', 'e'], tokensPerSecond: 4000 / ms }),
  },
];

/** What is in time has most of it left, and what is not takes far longer: a busy machine changes neither. */
const table = { clockMs: 1_000, quickMs: 200, slowMs: otherMs };

// They only wait: side by side they take the time of one.
describe('clocks', { concurrency: true }, () => {
  // A gateway that starts holds up the others in its process: nothing is timed before all of them are there.
  let toOpen = rows.length;
  const allOpen = Promise.withResolvers<void>();
  for (const { clock, code, status, call, slow } of rows) {
    const label = `${call.stream === true ? 'a stream' : 'a whole answer'} by ${call.model ?? 'o'}`;

    test(`G16, U2, U4: ${label} within ${clock} passes, and beyond it fails with ${code}`, async (t) => {
      const { clockMs, quickMs, slowMs } = table;
      const rig = await openFaultRig(t, {
        clocks: { [clock]: clockMs },
        config: { retries: { attempts: 1 } },
      });
      toOpen -= 1;
      if (toOpen === 0) allOpen.resolve();
      await allOpen.promise;
      rig.llm.scriptNext(slow(quickMs));
      const quick = await rig.ask(call);
      assert.match(quick.head, /^HTTP\/1\.1 200/);
      assert.doesNotMatch(quick.content.toString(), /"error"/);

      rig.llm.scriptNext(slow(slowMs));
      const reply = await rig.ask(call);
      const text = reply.content.toString();
      assert.match(reply.head, new RegExp(`^HTTP/1\\.1 ${status}`));
      assert.match(text, call.model === 'l' ? /./ : new RegExp(`"code":"${code}"`));
      assert.match(text, new RegExp(`\\b${clockMs} ms`), 'the clock that ran out is told');
      assert.doesNotMatch(text, /\[DONE\]/);
      const row = await failedRow(rig);
      assert.equal(row.code, code);
      assert.ok(row.tookMs >= clockMs && row.tookMs < slowMs, `it took ${row.tookMs} ms`);
    });
  }
});

async function failedRow(rig: Awaited<ReturnType<typeof openFaultRig>>) {
  const failed = async () => rig.exchanges().find((row) => row.outcome === 'failed');
  await until('the spool tells', async () => (await failed()) !== undefined);
  const row = await failed();
  assert.ok(row);
  return row;
}

test('G16: connecting has its clock', async (t) => {
  const deaf = await openDeafServer();
  t.after(() => deaf.close());
  const rig = await openFaultRig(t, {
    port: () => deaf.port,
    clocks: { connectMs: clockMs },
    upstream: { connectMs: otherMs },
    config: { retries: { attempts: 1 } },
  });
  const reply = await rig.ask(stream);
  assert.match(reply.head, /^HTTP\/1\.1 504/);
  assert.match(reply.content.toString(), /"code":"connect_timeout"/);
  const row = await failedRow(rig);
  assert.ok(row.tookMs >= clockMs && row.tookMs < otherMs, `it took ${row.tookMs} ms`);
});

test('G16: the upstream’s own `connectMs` ends connecting where it is shorter', async (t) => {
  const deaf = await openDeafServer();
  t.after(() => deaf.close());
  const rig = await openFaultRig(t, {
    port: () => deaf.port,
    upstream: { connectMs: clockMs },
    config: { retries: { attempts: 1 } },
  });
  const reply = await rig.ask(stream);
  assert.match(reply.head, /^HTTP\/1\.1 504/);
  assert.match(reply.content.toString(), /"code":"connect_timeout"/);
});

test('G16: waiting for a slot has its clock, and says when to come again', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { stallBeforeHead: true },
    clocks: { queueMs: clockMs },
    upstream: { slots: 1 },
  });
  const first = rig.send(stream);
  await rig.llm.waitForRequest(({ method }) => method === 'POST');
  const reply = await rig.ask(stream);
  assert.match(reply.head, /^HTTP\/1\.1 503/);
  assert.match(reply.head, /^retry-after: \d+\r?$/im);
  assert.match(reply.content.toString(), /"code":"queue_timeout"/);
  first.socket.destroy();
  const row = await failedRow(rig);
  assert.ok(row.tookMs >= clockMs && row.tookMs < otherMs, `it took ${row.tookMs} ms`);
});

test('G16: the total clock holds in the queue too', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { stallBeforeHead: true },
    clocks: { queueMs: 60_000, totalMs: clockMs },
    upstream: { slots: 1 },
    config: { retries: { attempts: 1 } },
  });
  const { lasting, snapshot } = rig.gateway.gateway;
  const slot = lasting.scheduler.take(wantOf(snapshot.models.find('o')?.targets ?? []));
  assert.ok(slot);
  const reply = await rig.ask(stream);
  slot.release(endingOf('left'));
  assert.match(reply.head, /^HTTP\/1\.1 504/);
  assert.match(reply.content.toString(), /"code":"total_timeout"/);
});

test('G16, U3: comments and empty lines are no tokens: they move no clock', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { keepAliveOnlyMs: 20 },
    clocks: { firstTokenMs: clockMs, loadMs: clockMs },
    config: { retries: { attempts: 1 } },
  });
  for (const model of ['o', 'l']) {
    const reply = await rig.ask({ ...stream, model });
    assert.match(reply.head, /^HTTP\/1\.1 504/);
    assert.match(reply.content.toString(), /"code":"first_token_timeout"/);
    const request = await rig.llm.waitForRequest(({ method }) => method === 'POST');
    await rig.llm.waitForClose(request);
  }
});

test('G16, U4: a whole answer that stalls after its head fails with idle_timeout', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { stallAfterChunks: 0 },
    clocks: { idleMs: clockMs },
    config: { retries: { attempts: 1 } },
  });
  for (const model of ['o', 'l']) {
    const reply = await rig.ask({ route: 'openai.chat', model });
    assert.match(reply.head, /^HTTP\/1\.1 504/);
    assert.match(reply.content.toString(), /"code":"idle_timeout"/);
    const request = await rig.llm.waitForRequest(({ method }) => method === 'POST');
    await rig.llm.waitForClose(request);
  }
});

test('G16, U2: a whole answer may take longer than a first token, where its server lists its models', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { firstTokenMs: 3 * clockMs },
    clocks: { firstTokenMs: clockMs, loadMs: clockMs, idleMs: clockMs },
  });
  for (const model of ['o', 'l']) {
    assert.match((await rig.ask({ route: 'openai.chat', model })).head, /^HTTP\/1\.1 200/);
  }
  assert.equal(rig.llm.requests.filter(({ method }) => method === 'POST').length, 2);
});

test('U3: an answer that trickles byte by byte is cut by a clock, never waited out', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { trickleMs: 100 },
    clocks: { firstTokenMs: clockMs, totalMs: 2 * clockMs },
    config: { retries: { attempts: 1 } },
  });
  const [streamed, whole] = await Promise.all([rig.ask(stream), rig.ask({ route: 'openai.chat' })]);
  assert.match(streamed.content.toString(), /"code":"first_token_timeout"/);
  assert.match(whole.content.toString(), /"code":"total_timeout"/);
  await rig.quiet();
});
