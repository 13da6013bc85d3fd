// P5: a gateway with little memory, and requests that hold more of it than there is while they wait for a server.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Command, openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { openMemoryGroup } from '../servers/memory-group.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';

const heapMiB = 100;
const containerMiB = 256;
/** Small parts take many times the memory of their bytes once they are understood. */
const parts = Array.from({ length: 3 }, (_, at) => ({ type: 'text', text: `${at}` }));
const messages = Array.from({ length: 2_000 }, () => ({ role: 'user', content: parts }));
const requestsMax = 900;

/** What a supervisor may take to have it back. */
const restartMsMax = 5_000;

test('P5: at 85 % of the heap new requests are refused with 503 and a time, before the process dies; then it serves again', async (t) => {
  await using place = await openPlace();
  await fillAndEmpty(t, { place, nodeOptions: [`--max-old-space-size=${heapMiB}`] }, (gateway) =>
    assert.equal(gateway.child.exitCode, null),
  );
});

test('P5: so it is at 85 % of the memory that the container may have, though the heap may have more', async (t) => {
  const group = openMemoryGroup(t, containerMiB * 1024 * 1024);
  if (typeof group === 'string') return t.skip(group);
  await using place = await openPlace();
  const command = { place, within: group.within };
  await fillAndEmpty(t, command, async (gateway) => {
    assert.equal(gateway.child.signalCode, null);
    assert.ok(!(group.killed() > 0), 'the kernel ended nobody');
    await gateway.stop('SIGKILL');
    const again = await serve(['--config', 'millrace.yaml'], command);
    await again.stop('SIGKILL');
    t.diagnostic(`ready ${Math.round(again.readyMs)} ms after it was started again`);
    assert.ok(again.readyMs < restartMsMax);
  });
});

async function fillAndEmpty(
  t: TestContext,
  command: Command,
  after: (gateway: RunningProcess) => unknown,
): Promise<void> {
  const llm = await openGatedLlm(t);
  await command.place.write(
    'millrace.yaml',
    JSON.stringify({
      upstreams: { llm: { type: 'openai', url: llm.url, slots: 1 } },
      models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
      queue: { places: 1_000, bytes: '1GiB' },
    }),
  );
  await using gateway = await serve(['--config', 'millrace.yaml'], command);
  llm.shut();
  const key = await gateway.key();
  const leaving = new AbortController();
  const send = (signal?: AbortSignal, said: readonly object[] = messages) =>
    fetch(`${gateway.ready.clients}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: said }),
      ...(signal === undefined ? {} : { signal }),
    });
  const waiting: Promise<unknown>[] = [];
  let refused: Response | undefined;
  const note = (reply: Response) => {
    refused ??= reply;
  };
  while (refused === undefined && waiting.length < requestsMax) {
    // All that are taken wait: what is answered before the server is opened is a refusal.
    waiting.push(send(leaving.signal).then(note, () => {}));
    await fetch(`${gateway.ready.clients}/livez`);
  }
  assert.ok(refused !== undefined, `${waiting.length} requests were taken, and none refused`);
  t.diagnostic(`refused after ${waiting.length} requests`);
  assert.equal(refused.status, 503, await refused.clone().text());
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.match(await refused.text(), /memory_full/);
  assert.equal(gateway.child.exitCode, null);
  leaving.abort();
  await Promise.all(waiting);
  llm.open();
  let again: Response | undefined;
  while (again?.status !== 200) {
    again = await send(undefined, [{ role: 'user', content: 'hi' }]);
    await again.arrayBuffer();
  }
  await after(gateway);
}
