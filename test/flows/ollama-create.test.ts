/** Creating models on the Ollama servers of a mixed fleet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../upstream/library.ts';
import { errorOf, linesOf, openOllamaFleet, reached } from './ollama-fleet.ts';

test('a create in the structured form of the official client passes, on each server', async () => {
  await using fleet = await openOllamaFleet();
  const made = await fleet.client.create({ model: 'mario', from: 'llama', system: 'You are Mario.' });
  assert.deepEqual(made, { status: 'success' });
  const sent = await reached(fleet.b, '/api/create');
  assert.deepEqual(sent.json, { model: 'mario', from: 'llama', system: 'You are Mario.', stream: true });
});

test('a create with a Modelfile is sent in the structured form, with a warning for what was left out', async () => {
  await using fleet = await openOllamaFleet();
  const modelfile = 'FROM llama\nSYSTEM You are Mario.\nPARAMETER temperature 0.5\nPARAMETER mirostat 1\n';
  const response = await fleet.request('POST', '/api/create', { json: { name: 'mario', modelfile } });
  assert.equal((await linesOf(response)).at(-1)?.status, 'success');
  assert.match(response.headers.get('x-millrace-warning') ?? '', /line 4: parameter mirostat/);
  const sent = await reached(fleet.a, '/api/create');
  assert.deepEqual(sent.json, {
    name: 'mario',
    from: 'llama',
    system: 'You are Mario.',
    parameters: { temperature: 0.5 },
    stream: true,
  });
});

test('a Modelfile that names a file is created from its blob, under a name without a path', async () => {
  await using fleet = await openOllamaFleet();
  const digest = digestOf('weights');
  const json = {
    model: 'own',
    modelfile: 'FROM /home/me/model.gguf',
    files: { '/home/me/model.gguf': digest },
  };
  const rooted = await fleet.request('POST', '/api/create', { json });
  assert.equal(rooted.status, 400);
  const relative = {
    model: 'own',
    modelfile: 'FROM ./models/own.gguf',
    files: { './models/own.gguf': digest },
  };
  const early = await fleet.request('POST', '/api/create', { json: relative });
  assert.equal(early.status, 400);
  assert.match(await errorOf(early), new RegExp(`gpu-a, gpu-b has no blob ${digest}`));
  assert.equal((await fleet.request('POST', `/api/blobs/${digest}`, { body: 'weights' })).status, 201);
  const made = await fleet.request('POST', '/api/create', { json: relative });
  assert.equal((await linesOf(made)).at(-1)?.status, 'success');
  const sent = await reached(fleet.a, '/api/create');
  assert.deepEqual(sent.json, { model: 'own', files: { 'own.gguf': digest }, stream: true });
});

test('a create names no path of a server and no digest that is none', async () => {
  await using fleet = await openOllamaFleet();
  const good = digestOf('weights');
  const refused = [
    { path: '/etc/passwd' },
    { files: { '../x.gguf': good } },
    { files: { 'x.gguf': 'sha256:../../x' } },
    { adapters: { 'x.gguf': good.toUpperCase() } },
    { modelfile: 'SYSTEM without a base' },
  ];
  for (const form of refused) {
    const response = await fleet.request('POST', '/api/create', { json: { model: 'own', ...form } });
    assert.equal(response.status, 400, JSON.stringify(form));
  }
  assert.deepEqual(
    fleet.a.requests.filter(({ method }) => method !== 'GET'),
    [],
  );
});
