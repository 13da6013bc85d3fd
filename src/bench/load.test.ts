import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { type LoadOptions, runLoad } from './load.ts';

async function serve(context: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
}

async function serveRaw(context: TestContext, wire: string): Promise<string> {
  const server = createNetServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(wire));
  }).listen(0, '127.0.0.1');
  context.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function whole(_request: IncomingMessage, reply: ServerResponse): void {
  reply.setHeader('content-type', 'application/json');
  reply.end('{"choices":[{"message":{"content":"hi"}}]}');
}

const closed = { kind: 'closed' } as const;
const short = { expect: 'whole', connections: 4, durationMs: 5_000, body: '{"model":"m"}' } as const;

test('an open loop holds its rate and counts every request', async (context) => {
  const url = await serve(context, whole);
  const options: LoadOptions = { ...short, url, arrivals: { kind: 'rate', perSecond: 500 }, durationMs: 600 };
  const result = await runLoad(options);
  assert.equal(result.completed, result.intended);
  assert.equal(result.intended, 300);
  assert.equal(result.total.count, result.completed);
  assert.equal(result.statuses['200'], result.completed);
});

test('a pause of the server counts for every request that was due during it', async (context) => {
  let served = 0;
  const url = await serve(context, (request, reply) => {
    served += 1;
    if (served === 50) {
      // The whole server stands still, as in a long collection of garbage.
      const until = performance.now() + 200;
      while (performance.now() < until);
    }
    whole(request, reply);
  });
  // The server shares our event loop, so the generator is late as well: the hardest case for honest counting.
  const result = await runLoad({
    ...short,
    url,
    arrivals: { kind: 'rate', perSecond: 500 },
    durationMs: 800,
  });
  const delayed = 0.5 * 200;
  assert.ok(result.completed > 350, `only ${result.completed}`);
  assert.ok(result.total.percentile(99) >= 150_000, `p99 ${result.total.percentile(99)} µs`);
  const median = result.total.percentile(100 * (1 - (0.5 * delayed) / result.completed));
  // A busy machine takes longer to catch up, so they may wait longer and never shorter.
  assert.ok(median >= 70_000, `the middle one of the delayed waited ${median} µs`);
});

test('one stalled connection makes the others wait for it in an open loop', async (context) => {
  let served = 0;
  const url = await serve(context, (request, reply) => {
    served += 1;
    if (served === 20) setTimeout(whole, 200, request, reply);
    else whole(request, reply);
  });
  const rate = { kind: 'rate', perSecond: 200 } as const;
  const result = await runLoad({ ...short, url, arrivals: rate, connections: 1, durationMs: 600 });
  assert.equal(result.unfinished, 0);
  const delayed = 40 / result.completed;
  assert.ok(result.total.percentile(100 * (1 - 0.4 * delayed)) >= 100_000);
  assert.ok(result.lateness.maxUs >= 150_000);
});

test('a closed loop stops after its last request and uses all of its connections', async (context) => {
  const sockets = new Set<unknown>();
  const bodies: string[] = [];
  const url = await serve(context, async (request, reply) => {
    sockets.add(request.socket);
    bodies.push(Buffer.concat(await request.toArray()).toString());
    whole(request, reply);
  });
  const result = await runLoad({
    ...short,
    url,
    arrivals: closed,
    requestsMax: 100,
    body: (index) => `{"n":${index}}`,
  });
  assert.equal(result.completed, 100);
  assert.equal(sockets.size, 4);
  assert.deepEqual(new Set(bodies).size, 100);
});

test('a stream tells its first byte, first content, gaps and events', async (context) => {
  const url = await serve(context, async (_request, reply) => {
    reply.writeHead(200, { 'content-type': 'text/event-stream' });
    reply.write('data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n');
    await after(40);
    for (let token = 0; token < 3; token += 1) {
      reply.write(`data: {"choices":[{"delta":{"content":"t${token}"}}]}\n\n`);
      await after(20);
    }
    reply.end('data: [DONE]\n\n');
  });
  const result = await runLoad({ ...short, url, expect: 'sse', arrivals: closed, requestsMax: 4 });
  assert.equal(result.completed, 4);
  assert.equal(result.events, 4 * 5);
  assert.equal(result.gaps.count, 4 * 4);
  assert.ok(result.firstContent.minUs >= 35_000, `first content after ${result.firstContent.minUs} µs`);
  assert.ok(result.firstByte.minUs < result.firstContent.minUs);
  assert.ok(result.gaps.percentile(50) >= 15_000);
  assert.ok(result.total.minUs >= 90_000);
});

test('a stream without its end marker is incomplete, though its body ended well', async (context) => {
  const url = await serve(context, (_request, reply) => {
    reply.end('{"message":{"content":"a"},"done":false}\n');
  });
  const result = await runLoad({ ...short, url, expect: 'ndjson', arrivals: closed, requestsMax: 5 });
  assert.equal(result.errors.incomplete, 5);
  assert.equal(result.completed, 0);
  assert.equal(result.total.count, 0);
});

test('errors are counted by kind: statuses', async (context) => {
  let served = 0;
  const url = await serve(context, (_request, reply) => {
    served += 1;
    reply.statusCode = served % 2 === 0 ? 429 : 200;
    reply.end();
  });
  const result = await runLoad({ ...short, url, arrivals: closed, requestsMax: 10 });
  assert.equal(result.errors.status, 5);
  assert.equal(result.completed, 5);
  assert.deepEqual({ ...result.statuses }, { 200: 5, 429: 5 });
});

for (const [kind, wire] of [
  ['reset', ''],
  ['reset', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
  ['malformed', 'SSH-2.0-OpenSSH\r\n\r\n'],
] as const) {
  test(`errors are counted by kind: ${kind} after ${wire.length} bytes`, async (context) => {
    const url = await serveRaw(context, wire);
    const result = await runLoad({ ...short, url, arrivals: closed, requestsMax: 6 });
    assert.equal(result.errors[kind], 6);
    assert.equal(result.failed, 6);
    assert.equal(result.unfinished, 0);
  });
}

test('errors are counted by kind: connect', async () => {
  const server = createNetServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const url = `http://127.0.0.1:${port}/`;
  const result = await runLoad({ ...short, url, arrivals: closed, requestsMax: 6 });
  assert.equal(result.errors.connect, 6);
});

test('errors are counted by kind: timeout, and the server sees its connection closed', async (context) => {
  let closedConnections = 0;
  const url = await serve(context, (request) => {
    request.socket.once('close', () => {
      closedConnections += 1;
    });
  });
  const result = await runLoad({ ...short, url, arrivals: closed, requestsMax: 4, timeoutMs: 60 });
  assert.equal(result.errors.timeout, 4);
  assert.ok(result.elapsedMs >= 60 && result.elapsedMs < 2_000);
  while (closedConnections < 4) await after(1);
});

test('an abort stops the load at once', async (context) => {
  const stop = new AbortController();
  const url = await serve(context, () => stop.abort());
  const startedAt = performance.now();
  const result = await runLoad({
    ...short,
    url,
    arrivals: closed,
    durationMs: 60_000,
    signal: stop.signal,
  });
  assert.equal(result.isAborted, true);
  assert.equal(result.completed, 0);
  assert.equal(result.unfinished, result.intended);
  assert.ok(performance.now() - startedAt < 2_000);
});

test('an abort before the start sends nothing', async (context) => {
  const url = await serve(context, whole);
  const result = await runLoad({ ...short, url, arrivals: closed, signal: AbortSignal.abort() });
  assert.equal(result.isAborted, true);
  assert.equal(result.intended, 0);
});

test('a reply that closes its connection is followed by one on a new connection', async (context) => {
  const url = await serve(context, (request, reply) => {
    reply.setHeader('connection', 'close');
    whole(request, reply);
  });
  for (const arrivals of [closed, { kind: 'rate', perSecond: 2_000 }] as const) {
    const result = await runLoad({ ...short, url, arrivals, requestsMax: 20 });
    assert.equal(result.completed, 20, arrivals.kind);
    assert.equal(result.failed, 0, arrivals.kind);
  }
});

test('the time is bounded even when replies never come', async (context) => {
  const url = await serve(context, () => undefined);
  const result = await runLoad({ ...short, url, arrivals: closed, durationMs: 100, drainMs: 50 });
  assert.equal(result.unfinished, 4);
  assert.ok(result.elapsedMs >= 140 && result.elapsedMs < 2_000, `${result.elapsedMs} ms`);
});

test('a ramp opens the connections one after another', async (context) => {
  const startedAt = performance.now();
  const arrivedMs: number[] = [];
  const url = await serve(context, () => {
    arrivedMs.push(performance.now() - startedAt);
  });
  const ramp = { kind: 'closed', rampMs: 200 } as const;
  await runLoad({ ...short, url, arrivals: ramp, connections: 10, durationMs: 300, drainMs: 1 });
  assert.equal(arrivedMs.length, 10);
  assert.ok((arrivedMs.at(-1) ?? 0) - (arrivedMs[0] ?? 0) >= 120);
});

test('options that mean nothing are refused', async () => {
  const url = 'http://127.0.0.1:1/';
  const wrong: Partial<LoadOptions>[] = [
    { connections: 0 },
    { durationMs: Number.NaN },
    { requestsMax: -1 },
    { arrivals: { kind: 'rate', perSecond: 0 } },
  ];
  for (const change of wrong) {
    await assert.rejects(runLoad({ ...short, url, arrivals: closed, ...change }), RangeError);
  }
  await assert.rejects(runLoad({ ...short, url: 'ftp://127.0.0.1/', arrivals: closed }), /http or https/);
  await assert.rejects(runLoad({ ...short, url, arrivals: closed, headers: { a: 'b\r\nc: d' } }), /one line/);
});
