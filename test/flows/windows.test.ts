/** Calls that go in windows, for servers that put together by themselves what comes at the same moment. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGatewayOptions } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { type GatedLlm, openGatedLlm } from '../upstream/gated-llm.ts';
import { ask, openRawClient, type RawClient, type RawReply } from '../upstream/raw-client.ts';

const statusOf = ({ head }: RawReply) => Number(head.split(' ', 2)[1]);

interface Rig {
  readonly llm: GatedLlm;
  readonly lines: readonly string[];
  chat(fields?: object): Promise<RawReply>;
  /** The same, of a client that may leave. */
  open(): RawClient;
  /** Until the server has been asked so many times, and so many more wait to be sent with others. */
  seen(asked: number, held: number): Promise<void>;
}

interface RigOptions extends Omit<TestGatewayOptions, 'config'> {
  readonly batching?: object;
}

async function openRig(t: TestContext, { batching, ...rest }: RigOptions = {}): Promise<Rig> {
  const llm = await openGatedLlm(t);
  const config = {
    upstreams: { engine: { type: 'openai', url: llm.url, slots: 16 } },
    models: {
      m: { targets: [{ upstream: 'engine', model: 'm' }], ...(batching === undefined ? {} : { batching }) },
    },
  };
  const gateway = await openTestGateway({ ...rest, config });
  t.after(() => gateway.close());
  const base = `/k/${gateway.key}`;
  const path = `${base}/v1/chat/completions`;
  const body = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
  return {
    llm,
    lines: gateway.exchangeLines,
    chat: (fields) => ask(gateway.port, path, { ...body, ...fields }),
    open: () => {
      const client = openRawClient(gateway.port);
      client.send(path, body);
      return client;
    },
    seen: (asked, held) =>
      until(`${asked} were asked and ${held} wait`, async () => {
        if (llm.asked !== asked) return false;
        const { content } = await ask(gateway.port, `${base}/metrics`);
        return content.toString().includes(`\nmillrace_batched_requests ${held}\n`);
      }),
  };
}

const windows = { window: 3, maxWaitMs: 10_000 };

test('while a call is under way others wait until a window is full, and go at once when what is before them has ended', async (t) => {
  const rig = await openRig(t, { batching: windows });
  rig.llm.shut();
  const first = rig.chat();
  await rig.seen(1, 0);
  const two = [rig.chat(), rig.chat()];
  await rig.seen(1, 2);
  const third = rig.chat();
  await rig.seen(4, 0);
  const last = rig.chat();
  await rig.seen(4, 1);
  rig.llm.open();
  const replies = await Promise.all([first, ...two, third, last]);
  assert.deepEqual(replies.map(statusOf), [200, 200, 200, 200, 200]);
  assert.equal(rig.llm.asked, 5);
});

test('a window waits for a stream to its last byte', async (t) => {
  const rig = await openRig(t, { batching: windows });
  rig.llm.shut();
  const stream = rig.chat({ stream: true });
  await rig.seen(1, 0);
  const waiting = rig.chat({ stream: true });
  await rig.seen(1, 1);
  rig.llm.open();
  for (const { isComplete, content } of await Promise.all([stream, waiting])) {
    assert.ok(isComplete && content.includes('[DONE]'));
  }
});

test('on an idle fleet nobody waits for a window, and nobody for longer than it may', async (t) => {
  const clock = createHeldClock();
  const rig = await openRig(t, { clock, batching: { window: 3, maxWaitMs: 40 } });
  // The clock stands still: whoever waited for a timer would never be answered.
  rig.llm.answerWith(400);
  assert.equal(statusOf(await rig.chat()), 400);
  rig.llm.answerWith(200);
  for (let count = 0; count < 3; count += 1) assert.equal(statusOf(await rig.chat()), 200);
  rig.llm.shut();
  const first = rig.chat();
  await rig.seen(5, 0);
  const waiting = rig.chat();
  await rig.seen(5, 1);
  clock.advance(39);
  await rig.seen(5, 1);
  clock.advance(1);
  await rig.seen(6, 0);
  rig.llm.open();
  await Promise.all([first, waiting]);
  const rows = rig.lines.map((line) => JSON.parse(line) as { route: string; gatheredMs?: number });
  const waited = rows.filter(({ route }) => route !== 'metrics').map(({ gatheredMs = 0 }) => gatheredMs);
  assert.deepEqual(waited.sort(), [0, 0, 0, 0, 0, 40]);
});

test('G15: who leaves gives up its place in a window, and takes nobody along', async (t) => {
  const rig = await openRig(t, { batching: windows });
  rig.llm.shut();
  const first = rig.chat();
  await rig.seen(1, 0);
  const leaving = rig.open();
  const staying = rig.chat();
  await rig.seen(1, 2);
  leaving.socket.destroy();
  await rig.seen(1, 1);
  const more = [rig.chat(), rig.chat()];
  await rig.seen(4, 0);
  rig.llm.open();
  assert.deepEqual((await Promise.all([first, staying, ...more])).map(statusOf), [200, 200, 200, 200]);
});

test('where nobody asks for windows calls go as they come', async (t) => {
  const rig = await openRig(t);
  rig.llm.shut();
  const replies = [rig.chat(), rig.chat(), rig.chat()];
  await rig.seen(3, 0);
  rig.llm.open();
  assert.deepEqual((await Promise.all(replies)).map(statusOf), [200, 200, 200]);
});
