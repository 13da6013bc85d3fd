/** What Ollama's clients read of a mixed fleet: tags, ps, show, version and the root. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openOllamaFleet } from './ollama-fleet.ts';

test('tags lists every model of the fleet once, configured names first', async () => {
  await using fleet = await openOllamaFleet();
  const { models } = await fleet.client.list();
  assert.deepEqual(
    models.map((model) => model.name),
    ['assistant', 'trial', 'llama:latest', 'shared:latest', 'qwen:7b', 'simulator'],
  );
});

test('a model that an Ollama server keeps is described in its words, under the name we give it', async () => {
  await using fleet = await openOllamaFleet();
  const [own] = ((await (await fetch(`${fleet.a.url}/api/tags`)).json()) as { models: object[] }).models;
  const { models } = await fleet.client.list();
  assert.deepEqual(
    models.find((model) => model.name === 'llama:latest'),
    own,
  );
  assert.deepEqual(
    models.find((model) => model.name === 'assistant'),
    { ...own, name: 'assistant', model: 'assistant' },
  );
});

test('a model that no Ollama server keeps is listed without invented sizes, yet with a digest to show', async () => {
  await using fleet = await openOllamaFleet();
  const { models } = await fleet.client.list();
  const trial = models.find((model) => model.name === 'trial');
  assert.equal(trial?.size, 0);
  assert.equal(trial.details.family, '');
  // Ollama's command line cuts twelve characters from it and breaks on fewer.
  assert.match(trial.digest, /^[0-9a-f]{64}$/);
  assert.notEqual(trial.digest, models.find((model) => model.name === 'simulator')?.digest);
});

test('ps shows what all servers have loaded, and where', async () => {
  await using fleet = await openOllamaFleet();
  const { models } = await fleet.client.ps();
  const places = models.map((model) => [model.name, 'upstream' in model && model.upstream]);
  assert.deepEqual(places, [
    ['llama:latest', 'gpu-a'],
    ['shared:latest', 'gpu-a'],
    ['qwen:7b', 'gpu-b'],
    ['shared:latest', 'gpu-b'],
  ]);
});

test('ps leaves out a server that is gone, and says so', async () => {
  await using fleet = await openOllamaFleet();
  await fleet.a.close();
  const response = await fleet.request('GET', '/api/ps');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('x-millrace-warning') ?? '', /^gpu-a did not tell \(connect_failed\)$/);
  const { models } = (await response.json()) as { models: { name: string }[] };
  assert.deepEqual(
    models.map((model) => model.name),
    ['qwen:7b', 'shared:latest'],
  );
});

test('show asks the Ollama server that has the model, by the name that it knows', async () => {
  await using fleet = await openOllamaFleet();
  const shown = await fleet.client.show({ model: 'assistant' });
  assert.equal(shown.modelfile, 'FROM fake');
  const asked = await fleet.a.waitForRequest((request) => request.path === '/api/show');
  assert.deepEqual(asked.json, { model: 'llama' });
  assert.equal((await fleet.request('POST', '/api/show', { json: { name: 'qwen:7b' } })).status, 200);
  const older = await fleet.b.waitForRequest((request) => request.path === '/api/show');
  assert.deepEqual(older.json, { model: 'qwen:7b' });
});

test('show goes on to the next server when the first cannot tell', async () => {
  await using fleet = await openOllamaFleet();
  await fleet.a.close();
  const response = await fleet.request('POST', '/api/show', { json: { model: 'shared' } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('x-millrace-target'), 'gpu-b/shared:latest');
});

test('show tells what is known of a model that no Ollama server keeps', async () => {
  await using fleet = await openOllamaFleet();
  const shown = await fleet.client.show({ model: 'trial' });
  assert.ok(shown.capabilities.includes('completion'));
  const facts = shown.model_info as unknown as Record<string, unknown>;
  // Clients stop at an answer without an architecture.
  assert.equal(facts['general.architecture'], 'unknown');
  assert.equal(facts['general.basename'], 'simulator');
});

test('show of an alias asks by the real name wherever that is, and tells an outage from an unknown name', async () => {
  await using fleet = await openOllamaFleet();
  const response = await fleet.request('POST', '/api/show', { json: { model: 'assistant' } });
  assert.equal(response.headers.get('x-millrace-target'), 'gpu-a/llama');
  await fleet.a.close();
  // Its only server is away: that is not the client's mistake.
  const away = await fleet.request('POST', '/api/show', { json: { model: 'assistant' } });
  assert.equal(away.status, 502);
});

test('show of an unknown model is a 404 in words', async () => {
  await using fleet = await openOllamaFleet();
  const response = await fleet.request('POST', '/api/show', { json: { model: 'nothing' } });
  assert.equal(response.status, 404);
  const { error } = (await response.json()) as { error: string };
  assert.match(error, /model not found: "nothing" does not exist here/);
});

test('the version is new enough for structured output, thinking and capabilities', async () => {
  await using fleet = await openOllamaFleet();
  const { version } = await fleet.client.version();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  assert.ok(major > 0 || minor >= 15, version);
});

test('the root says that Ollama is running, to everyone', async () => {
  await using fleet = await openOllamaFleet();
  const response = await fetch(fleet.gateway.url);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), 'Ollama is running');
  assert.equal((await fetch(fleet.gateway.url, { method: 'HEAD' })).status, 200);
  // A command line without headers carries its key in the address.
  const keyed = `${fleet.gateway.url}/k/${fleet.gateway.key}`;
  assert.equal((await fetch(keyed, { method: 'HEAD' })).status, 200);
  assert.equal((await fetch(`${keyed}/api/tags`)).status, 200);
});

test('listings ask for a key, and answer HEAD as they answer GET', async () => {
  await using fleet = await openOllamaFleet();
  for (const path of ['/api/tags', '/api/version']) {
    assert.equal((await fetch(`${fleet.gateway.url}${path}`)).status, 401, path);
    const [got, head] = [await fleet.request('GET', path), await fleet.request('HEAD', path)];
    assert.equal(head.status, 200, path);
    assert.equal(head.headers.get('content-length'), got.headers.get('content-length'), path);
    assert.equal(await head.text(), '');
  }
});
