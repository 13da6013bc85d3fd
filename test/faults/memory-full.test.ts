// P5: a gateway with little memory, and requests that hold more of it than there is while they wait for a server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';

const heapMiB = 100;
/** Small messages take many times the memory of their bytes once they are understood. */
const messages = Array.from({ length: 2_000 }, (_, at) => ({ role: 'user', content: `${at}` }));
const requestsMax = 900;

test('P5: at 85 % of the heap new requests are refused with 503 and a time, before the process dies; then it serves again', async (t) => {
  const llm = await openGatedLlm(t);
  await using place = await openPlace();
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      upstreams: { llm: { type: 'openai', url: llm.url, slots: 1 } },
      models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
      queue: { places: 1_000, bytes: '1GiB' },
    }),
  );
  await using gateway = await serve(['--config', 'millrace.yaml'], {
    place,
    nodeOptions: [`--max-old-space-size=${heapMiB}`],
  });
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
  assert.equal(gateway.child.exitCode, null);
});
