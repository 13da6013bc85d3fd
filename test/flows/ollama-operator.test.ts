/** The operator's verbs of Ollama's API, fanned out to the servers of a mixed fleet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { digestOf } from '../upstream/library.ts';
import { errorOf, linesOf, openOllamaFleet, type ProgressLine, reached } from './ollama-fleet.ts';

const anyPath = /^/;

test('the official client pulls on every Ollama server and sees bars that only grow, until all have succeeded', async () => {
  await using fleet = await openOllamaFleet();
  const lines: ProgressLine[] = [];
  for await (const line of await fleet.client.pull({ model: 'new', stream: true })) lines.push(line);
  assert.equal(lines.at(-1)?.status, 'success');
  assert.equal(lines.filter(({ status }) => status === 'success').length, 1);
  const moved = lines.filter(({ digest }) => digest !== undefined);
  assert.deepEqual(new Set(moved.map(({ total }) => total)), new Set([2 * 4096]));
  const completed = moved.map((line) => line.completed ?? 0);
  assert.deepEqual(
    completed,
    completed.toSorted((one, other) => one - other),
  );
  assert.equal(completed.at(-1), 2 * 4096);
  assert.deepEqual(new Set(moved.map(({ upstream }) => upstream?.name)), new Set(['gpu-a', 'gpu-b']));
});

test('what was pulled is listed as soon as the client knows of it, and a delete takes it away again', async () => {
  await using fleet = await openOllamaFleet();
  const listed = async () => (await fleet.client.list()).models.some((model) => model.name === 'new');
  assert.deepEqual(await fleet.client.pull({ model: 'new' }), { status: 'success' });
  assert.equal(await listed(), true);
  await fleet.client.delete({ model: 'new' });
  assert.equal(await listed(), false);
});

test('a pull goes to the servers that the body or the header names, and one server speaks as itself', async () => {
  await using fleet = await openOllamaFleet();
  const named = await fleet.request('POST', '/api/pull', { json: { model: 'new', upstreams: ['gpu-b'] } });
  const direct = await fetch(`${fleet.b.url}/api/pull`, { method: 'POST', body: '{"model":"new"}' });
  assert.equal(await named.text(), await direct.text());
  const sent = await reached(fleet.b, '/api/pull');
  // What is meant for us alone does not reach an upstream.
  assert.deepEqual(sent.json, { model: 'new', stream: true });
  const headers = { 'x-millrace-upstreams': 'gpu-b' };
  await (await fleet.request('POST', '/api/pull', { json: { name: 'other' }, headers })).text();
  assert.equal(fleet.a.requests.filter(({ path }) => path === '/api/pull').length, 0);
});

test('a name that is no upstream, or none that keeps models, is refused by name', async () => {
  await using fleet = await openOllamaFleet();
  const pull = (upstreams: unknown) =>
    fleet.request('POST', '/api/pull', { json: { model: 'new', upstreams } });
  assert.match(await errorOf(await pull(['gpu-z'])), /no upstream "gpu-z".*gpu-a, gpu-b/);
  assert.match(await errorOf(await pull(['sim'])), /sim is no Ollama server/);
  assert.match(await errorOf(await pull([])), /names no upstream/);
  assert.match(await errorOf(await pull(7)), /upstreams must be a list/);
});

test('a pull that fails on one server goes on at the others, and ends by naming both', async () => {
  await using fleet = await openOllamaFleet();
  fleet.a.behave({ only: /^\/api\/pull$/, errorEventAfter: 2 });
  const lines = await linesOf(await fleet.request('POST', '/api/pull', { json: { model: 'new' } }));
  assert.equal(lines.filter(({ status }) => status === 'success').length, 0);
  assert.ok(lines.some(({ status }) => status === 'gpu-b: done'));
  const last = lines.at(-1)?.error ?? '';
  assert.match(last, /pull failed on gpu-a \(the transfer failed\); done on gpu-b/);
  assert.ok((await fleet.client.list()).models.some((model) => model.name === 'new'));
  await assert.rejects(fleet.client.pull({ model: 'new' }), /pull failed on gpu-a/);
});

test('a pull that fails everywhere before it began is a status, not a stream', async () => {
  await using fleet = await openOllamaFleet();
  const refusal = { only: /^\/api\/pull$/, status: 500, body: '{"error":"disk full"}' };
  fleet.a.behave(refusal);
  fleet.b.behave(refusal);
  const response = await fleet.request('POST', '/api/pull', { json: { model: 'new' } });
  assert.equal(response.status, 502);
  assert.match(await errorOf(response), /gpu-[ab] \(disk full\), gpu-[ab] \(disk full\)/);
});

test('a progress stream that ends without success is a failure (G18)', async () => {
  await using fleet = await openOllamaFleet();
  fleet.b.behave({ only: /^\/api\/pull$/, endMarker: 'never' });
  const lines = await linesOf(await fleet.request('POST', '/api/pull', { json: { model: 'new' } }));
  assert.match(lines.at(-1)?.error ?? '', /pull failed on gpu-b .*without success/);
});

test('a line of progress longer than any honest one is a failure of its server (U8)', async () => {
  await using fleet = await openOllamaFleet();
  fleet.b.behave({ only: /^\/api\/pull$/, body: `{"status":"${'x'.repeat(100_000)}"}\n` });
  const lines = await linesOf(await fleet.request('POST', '/api/pull', { json: { model: 'new' } }));
  assert.match(lines.at(-1)?.error ?? '', /pull failed on gpu-b .*more than 65536 bytes/);
});

test('a client that leaves in the middle of a pull closes it on every server', async () => {
  await using fleet = await openOllamaFleet();
  const stalled = { only: /^\/api\/pull$/, stallAfterChunks: 1 };
  fleet.a.behave(stalled);
  fleet.b.behave(stalled);
  const leaving = new AbortController();
  const { signal } = leaving;
  const response = await fleet.request('POST', '/api/pull', { json: { model: 'new' }, signal });
  const reader = response.body?.getReader();
  await reader?.read();
  const [one, other] = [await reached(fleet.a, '/api/pull'), await reached(fleet.b, '/api/pull')];
  leaving.abort();
  await Promise.all([fleet.a.waitForClose(one), fleet.b.waitForClose(other)]);
  assert.deepEqual([one.aborted, other.aborted], [true, true]);
});

test('a client that leaves before the first line closes the pull on every server', async () => {
  await using fleet = await openOllamaFleet();
  const silent = { only: /^\/api\/pull$/, stallBeforeHead: true };
  fleet.a.behave(silent);
  fleet.b.behave(silent);
  const leaving = new AbortController();
  const { signal } = leaving;
  const pulling = fleet.request('POST', '/api/pull', { json: { model: 'new', stream: false }, signal });
  const [one, other] = [await reached(fleet.a, '/api/pull'), await reached(fleet.b, '/api/pull')];
  leaving.abort();
  await assert.rejects(pulling);
  await Promise.all([fleet.a.waitForClose(one), fleet.b.waitForClose(other)]);
});

test('a server that falls silent in the middle of a pull is given up after ten minutes', async () => {
  const clock = createHeldClock(Date.now());
  await using fleet = await openOllamaFleet({ clock });
  fleet.a.behave({ only: /^\/api\/pull$/, stallAfterChunks: 1 });
  const response = await fleet.request('POST', '/api/pull', { json: { model: 'new' } });
  const pulled = await reached(fleet.a, '/api/pull');
  const rest = linesOf(response);
  // Silence is counted from the last line: it has passed us once it stands in the answer.
  while (pulled.bytesSent === 0) await setTimeout(2);
  const closed = fleet.a.waitForClose(pulled);
  const isOver = rest.then(() => true);
  while (!(await Promise.race([isOver, setTimeout(5, false)]))) clock.advance(60_000);
  assert.match(
    (await rest).at(-1)?.error ?? '',
    /gpu-a \(the upstream said nothing for 600 s\); done on gpu-b/,
  );
  await closed;
});

test('names that climb out of their folder reach no server (S26)', async () => {
  await using fleet = await openOllamaFleet();
  const names = ['../../etc/passwd', 'a/../../b', 'reg/..', './x', 'a\\..\\b', '', 'a b', 'x'.repeat(400)];
  for (const model of names) {
    const pull = await fleet.request('POST', '/api/pull', { json: { model } });
    assert.equal(pull.status, 400, model);
    const copy = await fleet.request('POST', '/api/copy', { json: { source: 'llama', destination: model } });
    assert.equal(copy.status, 400, model);
  }
  const differing = await fleet.request('DELETE', '/api/delete', { json: { model: 'llama', name: 'qwen' } });
  assert.equal(differing.status, 400);
  assert.deepEqual(
    fleet.a.requests.filter(({ method }) => method !== 'GET'),
    [],
  );
});

test('a push goes out from one server that has the model', async () => {
  await using fleet = await openOllamaFleet();
  assert.deepEqual(await fleet.client.push({ model: 'shared' }), { status: 'success' });
  const pushes = [...fleet.a.requests, ...fleet.b.requests].filter(({ path }) => path === '/api/push');
  assert.equal(pushes.length, 1);
  const missing = await fleet.request('POST', '/api/push', { json: { model: 'nowhere' } });
  assert.equal(missing.status, 404);
});

test('a copy happens wherever the source is, and its new name is listed at once', async () => {
  await using fleet = await openOllamaFleet();
  await fleet.client.copy({ source: 'llama:latest', destination: 'mine' });
  assert.ok((await fleet.client.list()).models.some((model) => model.name === 'mine'));
  const missing = await fleet.request('POST', '/api/copy', { json: { source: 'nowhere', destination: 'x' } });
  assert.equal(missing.status, 404);
});

test('who names the servers of a delete means each of them', async () => {
  await using fleet = await openOllamaFleet();
  const json = { model: 'llama:latest', upstreams: ['gpu-a', 'gpu-b'] };
  const response = await fleet.request('DELETE', '/api/delete', { json });
  assert.equal(response.status, 404);
  assert.match(await errorOf(response), /delete failed on gpu-b .*; done on gpu-a/);
});

test('the verbs are for operators: a developer gets 403 and nothing reaches a server (G1)', async () => {
  await using fleet = await openOllamaFleet({ role: 'developer' });
  const blob = `/api/blobs/${digestOf('x')}`;
  const json = { model: 'llama', source: 'llama', destination: 'x', from: 'llama' };
  for (const verb of ['pull', 'push', 'create', 'copy']) {
    assert.equal((await fleet.request('POST', `/api/${verb}`, { json })).status, 403, verb);
  }
  assert.equal((await fleet.request('DELETE', '/api/delete', { json })).status, 403);
  assert.equal((await fleet.request('HEAD', blob)).status, 403);
  assert.equal((await fleet.request('POST', blob, { body: 'x' })).status, 403);
  await assert.rejects(fleet.client.pull({ model: 'new' }), { status_code: 403 });
  assert.deepEqual(
    fleet.a.requests.filter(({ method }) => method !== 'GET'),
    [],
  );
  assert.equal((await fleet.client.list()).models.length, 6);
});

test('without an Ollama server the verbs say that there is none', async () => {
  const gateway = await openTestGateway();
  const headers = { authorization: `Bearer ${gateway.key}` };
  const response = await fetch(`${gateway.url}/api/pull`, {
    method: 'POST',
    headers,
    body: '{"model":"new"}',
  });
  assert.equal(response.status, 503);
  assert.match(await errorOf(response), /no Ollama server is configured/);
  await gateway.close();
});

test('everything may fail at once and still every answer is in words', async () => {
  await using fleet = await openOllamaFleet();
  fleet.a.behave({ only: anyPath, resetAfterRequest: true });
  fleet.b.behave({ only: anyPath, resetAfterRequest: true });
  const json = { model: 'llama:latest', source: 'llama', destination: 'x', from: 'llama' };
  for (const verb of ['pull', 'push', 'create', 'copy']) {
    const response = await fleet.request('POST', `/api/${verb}`, { json });
    assert.equal(response.status, 502, verb);
    assert.match(await errorOf(response), /failed on gpu-a/, verb);
  }
  const upload = await fleet.request('POST', `/api/blobs/${digestOf('x')}`, { body: 'x' });
  assert.equal(upload.status, 502);
});
