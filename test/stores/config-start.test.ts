// A gateway starts by what was applied although the store is away, and by nothing that it cannot take over.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { millrace, openPlace, type Place, serve } from '../cli/gateway-process.ts';
import { runVerb } from '../cli/run-verb.ts';
import { until } from '../faults/rig.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';

let postgres: PostgresServer;
let place: Place;
const file = 'upstreams: { engine: { type: simulator } }\n';

before(async () => {
  postgres = await openPostgresServer();
  place = await openPlace();
  await place.write('millrace.yaml', `store: ${await postgres.createDatabase()}\n${file}`);
});
after(async () => {
  await place[Symbol.asyncDispose]();
  await postgres.stop();
});

async function shown(): Promise<{ version: number; from: string; text: string }> {
  const { out, code, err } = await runVerb(['config', 'show', '--json'], { place });
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

test('DP16: with the store away it starts by the copy in its data folder, and follows the store when it is back', async (t) => {
  const first = await serve([], { place });
  await place.write('new.yaml', `${file}queue: { places: 7 }\n`);
  const applied = await runVerb(['config', 'apply', 'new.yaml'], { place });
  assert.equal(applied.code, 0, applied.err);
  await first.stop();
  postgres.kill();
  const second = await serve([], { place });
  t.after(() => second.stop());
  const kept = await shown();
  assert.deepEqual([kept.version, kept.from], [2, 'applied']);
  assert.match(kept.text, /places: 7/);
  const away = await runVerb(['config', 'set', 'limits', '[]'], { place });
  assert.equal(away.code, 1);
  await postgres.restart();
  const startMs = performance.now();
  for (;;) {
    const { code, err } = await runVerb(['config', 'set', 'limits', '[]'], { place });
    if (code === 0) break;
    assert.ok(performance.now() - startMs < 20_000, err);
  }
  assert.equal((await shown()).version, 3);
});

test('a version that cannot be taken over any more ends the start with its place, and a changed file mends it', async () => {
  const environment = { QUEUE_KEY: 'sk-mr-5b0c2c9be6a14f8f8d6a' };
  const withKey =
    'upstreams: { engine: { type: openai, url: "http://127.0.0.1:9", key: "env:QUEUE_KEY" } }\n';
  const head = (await place.read('millrace.yaml')).split('\n')[0] ?? '';
  await place.write('millrace.yaml', `${head}\n${withKey}`);
  const gateway = await serve([], { place, environment });
  // It is in force at once, and a version a moment later: a change made in between would be refused.
  await until('the changed file is a version', async () => (await shown()).version === 4);
  const applied = await runVerb(['config', 'set', 'limits', '[]'], { place });
  assert.equal(applied.code, 0, applied.err);
  await gateway.stop();
  const refused = await millrace(['serve'], { place });
  assert.equal(refused.code, 2);
  assert.match(refused.err, /version \d+:\d+:\d+: upstreams\.engine\.key: the environment has no variable/);
  await place.write('millrace.yaml', `${head}\n${file}`);
  const mended = await serve([], { place });
  assert.equal((await shown()).from, 'file');
  await mended.stop();
});
