import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { request as send } from 'undici';
import type { Behaviour } from './behaviour.ts';
import { type FakeLlm, openFakeLlm } from './fake-llm.ts';
import { ask, openRawClient } from './raw-client.ts';

async function start(t: TestContext, behaviour: Partial<Behaviour> = {}): Promise<FakeLlm> {
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  return llm;
}

const chatPath = '/v1/chat/completions';
const body = (content: string, stream = true) => ({
  model: 'm',
  messages: [{ role: 'user', content }],
  stream,
});

test('a request is recorded as it came: method, path, headers, bytes, times and what it was sent', async (t) => {
  const llm = await start(t);
  const text = JSON.stringify(body('x', false));
  const headers = { authorization: 'Bearer key' };
  const reply = await send(`${llm.url}${chatPath}?a=1`, { method: 'POST', body: text, headers });
  const answer = await reply.body.text();
  const request = await llm.waitForRequest();
  assert.deepEqual([request.method, request.path], ['POST', `${chatPath}?a=1`]);
  assert.equal(request.headers.authorization, 'Bearer key');
  assert.equal(request.body.toString(), text);
  assert.deepEqual(request.json, body('x', false));
  assert.equal(request.bytesSent, answer.length);
  const { receivedAt, bodyAt, firstByteAt, answeredAt } = request;
  const times = [receivedAt, bodyAt, firstByteAt, answeredAt].map(Number);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.equal(request.closedAt, undefined);
  assert.equal(request.aborted, false);
});

const phases: readonly (readonly [string, Partial<Behaviour>, number])[] = [
  ['before the head', { stallBeforeHead: true }, 0],
  ['while the first token is computed', { firstTokenMs: 60_000 }, 0],
  ['in a silence', { stallAfterChunks: 1 }, 300],
  ['between two tokens', { tokensPerSecond: 0.01 }, 300],
  ['in an endless stream', { endless: true }, 10_000],
  ['in a trickle', { trickleMs: 1 }, 100],
  ['amid keep-alive comments', { keepAliveOnlyMs: 10_000 }, 10],
];

for (const [phase, behaviour, bytes] of phases) {
  for (const way of ['destroy', 'resetAndDestroy', 'end'] as const) {
    test(`G15: a client that leaves ${phase} by ${way} is seen within 50 ms`, async (t) => {
      const llm = await start(t, behaviour);
      const client = openRawClient(llm.port);
      client.send(chatPath, body('x'));
      const request = await llm.waitForRequest();
      await client.received(bytes);
      const leftAt = performance.now();
      client.socket[way]();
      await llm.waitForClose(request);
      assert.ok(Number(request.closedAt) - leftAt < 50, `${Number(request.closedAt) - leftAt} ms`);
      assert.equal(request.aborted, true);
      assert.equal(request.answeredAt, undefined);
      assert.equal(llm.openConnections(), 0);
    });
  }
}

test('a client that leaves in the middle of its own body is recorded as aborted', async (t) => {
  const llm = await start(t);
  const client = openRawClient(llm.port);
  client.socket.write(`POST ${chatPath} HTTP/1.1\r\nhost: fake\r\ncontent-length: 100\r\n\r\n{"model"`);
  await ask(llm.port, '/api/version');
  client.socket.destroy();
  const [request] = llm.requests;
  assert.ok(request);
  await llm.waitForClose(request);
  assert.deepEqual([request.aborted, request.bodyAt, request.json], [true, undefined, undefined]);
  assert.equal(request.body.toString(), '{"model"');
});

test('connections that the server breaks or that close after the answer are not aborted by the client', async (t) => {
  const llm = await start(t);
  for (const behaviour of [{}, { cutAfterBytes: 5 }, { resetAfterBytes: 5 }, { resetAfterRequest: true }]) {
    llm.scriptNext(behaviour);
    await ask(llm.port, chatPath, body('x'));
    const request = await llm.waitForRequest();
    await llm.waitForClose(request);
    assert.equal(request.aborted, false, JSON.stringify(behaviour));
  }
});

test('a client that never reads holds the answer back, and has aborted when it leaves', async (t) => {
  const llm = await start(t, { paddingBytes: 50_000_000 });
  const client = openRawClient(llm.port);
  client.socket.pause();
  client.send(chatPath, body('x', false));
  const request = await llm.waitForRequest();
  client.socket.destroy();
  await llm.waitForClose(request);
  assert.equal(request.aborted, true);
  assert.ok(request.bytesSent < 50_000_000);
});

test('waiting hands every request out once, in order, and can choose', async (t) => {
  const llm = await start(t);
  const later = llm.waitForRequest(({ path }) => path === '/api/tags');
  for (const path of ['/api/version', '/api/ps', '/api/tags']) await ask(llm.port, path);
  assert.equal((await later).path, '/api/tags');
  assert.equal((await llm.waitForRequest()).path, '/api/version');
  assert.equal((await llm.waitForRequest()).path, '/api/ps');
});

test('scripts are used once each, in order, by the requests that they are for', async (t) => {
  const llm = await start(t);
  llm.scriptNext({ chunks: ['first'] }, { only: /tags/, status: 500 }, { chunks: ['second'] });
  const texts = async () =>
    (await ask(llm.port, '/api/generate', { model: 'm', prompt: 'x' })).content.toString();
  assert.match((await ask(llm.port, '/api/version')).head, /200 OK/);
  assert.match(await texts(), /"response":"first"/);
  assert.match(await texts(), /"response":"second"/);
  assert.match(await texts(), /"response":"echo:"/);
  assert.match((await ask(llm.port, '/api/tags')).head, /^HTTP\/1.1 500/);
  assert.match((await ask(llm.port, '/api/tags')).head, /^HTTP\/1.1 200/);
});

test('U15: requests beyond the slots wait their turn, or are refused; a slot is free as soon as its client leaves', async (t) => {
  const llm = await start(t, { slots: 1 });
  llm.scriptNext({ stallAfterChunks: 1 });
  const first = openRawClient(llm.port);
  first.send(chatPath, body('first'));
  await llm.waitForRequest();
  const second = ask(llm.port, chatPath, body('second'));
  const waiting = await llm.waitForRequest();
  const third = openRawClient(llm.port);
  third.send(chatPath, body('third'));
  const impatient = await llm.waitForRequest();
  third.socket.destroy();
  await llm.waitForClose(impatient);
  llm.scriptNext({ whenFull: 'refuse' });
  const refused = await ask(llm.port, '/api/chat', body('fourth'));
  assert.match(refused.head, /^HTTP\/1.1 503/);
  assert.match(refused.content.toString(), /"error":"server busy/);
  assert.match((await ask(llm.port, '/api/ps')).head, /200 OK/, 'only models take slots');
  assert.equal(waiting.firstByteAt, undefined);
  first.socket.destroy();
  assert.match((await second).content.toString(), /second/);
  assert.equal(impatient.firstByteAt, undefined);
});

test('closing ends every stall and every connection at once', async () => {
  const llm = await openFakeLlm({ stallAfterChunks: 0 });
  const client = openRawClient(llm.port);
  client.send(chatPath, body('x'));
  const request = await llm.waitForRequest();
  await client.received(1);
  await llm.close();
  assert.equal((await client.reply()).isComplete, false);
  assert.equal(llm.openConnections(), 0);
  assert.equal(request.aborted, false);
});
