import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

/** The simulator writes at this pace; a request in flight keeps the one it started with. */
function config(model: string, extra = ''): string {
  return `upstreams: { engine: { type: simulator, firstTokenMs: 0, tokensPerSecond: 40 } }
models: { ${model}: { targets: [{ upstream: engine, model: simulator }] } }
${extra}`;
}

async function modelNames(gateway: RunningProcess): Promise<readonly string[]> {
  const body = (await (await gateway.admin('models')).json()) as { models: { name: string }[] };
  return body.models.map(({ name }) => name);
}

async function reloadLine(gateway: RunningProcess, message: RegExp, count = 1) {
  let seen = 0;
  return await gateway.line(({ msg }) => {
    if (!message.test(String(msg))) return false;
    seen += 1;
    return seen >= count;
  });
}

async function start(place: Place, text: string): Promise<RunningProcess> {
  await place.write('millrace.yaml', text);
  return await serve([], { place });
}

test('a changed file is taken over by itself, and what is in flight ends with what it started with (G24)', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config('before'));
  const answer = await gateway.chat({ model: 'before', stream: true, max_tokens: 40 });
  await place.write('millrace.yaml', config('after'));
  await reloadLine(gateway, /is taken over/);
  assert.deepEqual(await modelNames(gateway), ['after', 'simulator']);
  assert.equal((await gateway.chat({ model: 'before' })).status, 404);
  const text = await answer.text();
  assert.match(text, /"finish_reason":"(?:stop|length)"/);
  assert.match(text, /data: \[DONE\]/);
});

test('a file that an editor replaces is noticed too', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config('before'));
  await place.write('new.tmp', config('after'));
  await rename(place.path('new.tmp'), place.path('millrace.yaml'));
  await reloadLine(gateway, /is taken over/);
  assert.deepEqual(await modelNames(gateway), ['after', 'simulator']);
});

test('an included file is watched as well', async () => {
  await using place = await openPlace();
  await place.write(
    'models.yaml',
    'models: { before: { targets: [{ upstream: engine, model: simulator }] } }\n',
  );
  await using gateway = await start(
    place,
    'include: models.yaml\nupstreams: { engine: { type: simulator } }\n',
  );
  await place.write(
    'models.yaml',
    'models: { after: { targets: [{ upstream: engine, model: simulator }] } }\n',
  );
  await reloadLine(gateway, /is taken over/);
  assert.deepEqual(await modelNames(gateway), ['after', 'simulator']);
});

test('a bad file changes nothing, says why in the log, and does not disturb what is in flight (P9)', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config('steady'));
  const { configId } = gateway.ready;
  const answer = await gateway.chat({ model: 'steady', stream: true, max_tokens: 40 });
  await place.write('millrace.yaml', config('steady', 'queue: { places: many }'));
  const line = await reloadLine(gateway, /is refused/);
  assert.match(String(line['message']), /millrace\.yaml:3:\d+: queue\.places: must be a number/);
  assert.match(await answer.text(), /data: \[DONE\]/);
  assert.equal((await gateway.chat({ model: 'steady', max_tokens: 1 })).status, 200);
  const status = (await (await gateway.admin('status')).json()) as { configId: string };
  assert.equal(status.configId, configId);
});

test('`millrace reload` tells what was done, what is refused, and what waits for a restart', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config('steady'));
  const same = await runVerb(['reload'], { place });
  assert.equal(same.code, 0, same.err);
  assert.match(same.out, /nothing has changed/);

  await place.write('millrace.yaml', config('steady', 'queue: { places: many }'));
  const refused = await runVerb(['reload'], { place });
  assert.equal(refused.code, 2);
  assert.match(refused.err, /queue\.places: must be a number/);
  assert.match(refused.err, new RegExp(`${gateway.ready.configId} stays in force`));

  await place.write('millrace.yaml', config('other', 'conversations: { ttlS: 60 }'));
  const taken = await runVerb(['reload', '--json'], { place });
  const told = JSON.parse(taken.out) as { needsRestart: string[] };
  assert.equal(taken.code, 0, taken.err);
  assert.deepEqual(told.needsRestart, ['conversations']);
  assert.deepEqual(await modelNames(gateway), ['other', 'simulator']);
  const shown = (await (await gateway.admin('config')).json()) as {
    config: { conversations: { ttlS: number } };
  };
  assert.equal(shown.config.conversations.ttlS, 3_600);
});

test('SIGHUP reads the configuration again', async () => {
  await using place = await openPlace();
  await place.write('key.txt', 'sk-8f2a6c1e9b7d4035');
  const keys = 'keys: [{ name: dev, key: "file:key.txt" }]';
  await using gateway = await start(place, config('steady', keys));
  // No watched file changes: only the secret that one of them refers to.
  await place.write('key.txt', 'sk-51d7e3a90c64b82f');
  gateway.child.kill('SIGHUP');
  await reloadLine(gateway, /is taken over/);
  const ask = async (key: string) =>
    (await fetch(`${gateway.ready.clients}/v1/models`, { headers: { authorization: `Bearer ${key}` } }))
      .status;
  assert.equal(await ask('sk-8f2a6c1e9b7d4035'), 401);
  assert.equal(await ask('sk-51d7e3a90c64b82f'), 200);
});

test('a storm of reloads is served one after the other and answers everyone', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config('steady'));
  await place.write('millrace.yaml', config('after'));
  const answers = await Promise.all(Array.from({ length: 50 }, () => gateway.admin('config/reload', 'POST')));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.deepEqual(await modelNames(gateway), ['after', 'simulator']);
});

test('without a file what was discovered at the start stays', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  const told = (await (await gateway.admin('config/reload', 'POST')).json()) as { outcome: string };
  assert.equal(told.outcome, 'unchanged');
  assert.equal((await gateway.chat({ max_tokens: 1 })).status, 200);
});

test('started without a file, the one that `init` writes is taken over by itself', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  assert.equal((await runVerb(['init'], { place })).code, 0);
  await reloadLine(gateway, /is taken over/);
  const status = (await (await gateway.admin('status')).json()) as { configFiles: string[] };
  assert.match(status.configFiles.join(), /millrace\.yaml$/);
});

test('started without a file, `millrace reload` looks for one; once found, it is missed when it is gone', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  await place.write('millrace.yaml', config('found'));
  const reloaded = await runVerb(['reload'], { place });
  assert.equal(reloaded.code, 0, reloaded.err);
  assert.deepEqual(await modelNames(gateway), ['found', 'simulator']);
  await rename(place.path('millrace.yaml'), place.path('elsewhere.yaml'));
  const refused = await runVerb(['reload'], { place });
  assert.equal(refused.code, 2);
  assert.match(refused.err, /millrace\.yaml does not exist/);
  assert.deepEqual(await modelNames(gateway), ['found', 'simulator']);
});

test('whatever brought a new configuration, it is in the audit log, and so is one that was refused', async () => {
  await using place = await openPlace();
  await using gateway = await start(place, config('before'));
  const records = async () => {
    const { items } = (await (await gateway.admin('audit')).json()) as {
      items: { actor: string; action: string; outcome: string }[];
    };
    return items.map(({ actor, action, outcome }) => `${actor} ${action} ${outcome}`);
  };
  await place.write('millrace.yaml', config('after'));
  await reloadLine(gateway, /is taken over/);
  await until('it is written', async () => (await records()).length === 1);
  await place.write('millrace.yaml', 'upstreams: 7\n');
  await reloadLine(gateway, /is refused/);
  await until('it is written', async () => (await records()).length === 2);
  assert.deepEqual(await records(), ['file config.reload failed', 'file config.reload done']);
});
