/** Secrets in the gateway's own store: kept before it starts, changed while it runs, and under a new master key. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { millrace, openPlace, type Place, serve } from '../cli/gateway-process.ts';
import { runVerb } from '../cli/run-verb.ts';
import { until } from '../faults/rig.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';

interface Rig {
  readonly place: Place;
  readonly llm: FakeLlm;
  write(secrets?: object): Promise<void>;
  command(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }>;
  set(name: string, input: string): Promise<{ code: number | null; out: string; err: string }>;
  lastKey(): string;
}

async function openRig(t: TestContext): Promise<Rig> {
  const place = await openPlace();
  const llm = await openFakeLlm();
  t.after(async () => {
    await llm.close();
    await place[Symbol.asyncDispose]();
  });
  const file = ['--config', 'millrace.yaml'];
  return {
    place,
    llm,
    write: (secrets = {}) =>
      place.write(
        'millrace.yaml',
        JSON.stringify({
          secrets,
          upstreams: { cloud: { type: 'openai', url: llm.url, key: 'store:openai' } },
          models: { m: { targets: [{ upstream: 'cloud', model: 'm' }] } },
        }),
      ),
    command: (...args) => (args[0] === 'serve' ? millrace : runVerb)([...args, ...file], { place }),
    set: (name, input) => millrace(['secrets', 'set', name, ...file], { place, input }),
    lastKey: () => String(llm.requests.at(-1)?.headers.authorization).replace('Bearer ', ''),
  };
}

test('a secret is kept before the first start, changed while it runs, and never shown again', async (t) => {
  const { place, write, command, set, lastKey } = await openRig(t);
  await write();
  const before = await command('serve');
  assert.equal(before.code, 2);
  assert.match(
    before.err,
    /store:openai: the store has no such secret; `millrace secrets set NAME` keeps one/,
  );
  const kept = await set('openai', 'sk-first-of-the-store\n');
  assert.equal(kept.code, 0, kept.err);
  assert.match(kept.out, /openai is kept, version 1/);

  await using gateway = await serve(['--config', 'millrace.yaml'], { place });
  assert.equal((await gateway.chat({ model: 'm' })).status, 200);
  assert.equal(lastKey(), 'sk-first-of-the-store');

  assert.match((await set('openai', 'sk-second-of-the-store')).out, /version 2/);
  await gateway.line(({ msg }) => msg === 'the configuration is taken over');
  assert.equal((await gateway.chat({ model: 'm' })).status, 200);
  assert.equal(lastKey(), 'sk-second-of-the-store');

  const listed = await command('secrets', '--json');
  assert.deepEqual(
    JSON.parse(listed.out).items.map(({ name, version, updatedBy }: Record<string, unknown>) => [
      name,
      version,
      updatedBy,
    ]),
    [['openai', 2, 'admin-token']],
  );
  const audit = await (await gateway.admin('audit')).text();
  assert.match(audit, /"action":"secrets\.put","object":"openai"/);
  const seen = [listed.out, audit, await (await gateway.admin('secrets')).text(), gateway.out()];
  const { err } = await gateway.stop('SIGTERM');
  const database = await readFile(place.path('.millrace/millrace.sqlite'), 'latin1');
  for (const text of [...seen, err, database]) assert.equal(/of-the-store/.test(text), false);
  assert.match((await command('secrets', 'remove', 'openai')).out, /openai is removed/);
  assert.equal((await command('secrets', 'remove', 'openai')).code, 1);
  assert.equal((await command('check')).code, 2);
});

test('what a secret cannot be is refused, and never taken from the command line', async (t) => {
  const { write, command, set } = await openRig(t);
  await write();
  for (const input of ['', '\n', 'two\nlines', 'x'.repeat(65_537)]) {
    assert.equal((await set('openai', input)).code, 2, input.slice(0, 20));
  }
  assert.equal((await set('../openai', 'sk-x')).code, 2);
  assert.equal((await command('secrets', 'set')).code, 2);
  assert.equal((await command('secrets', 'show', 'openai')).code, 2);
});

test('P10: a new master key takes over beside the old one, and after `rotate` the old one may go', async (t) => {
  const { place, write, command, set, lastKey } = await openRig(t);
  const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('hex')];
  await write({ masterKey: first });
  assert.equal((await set('openai', 'sk-under-the-first')).code, 0);
  await write({ masterKey: second });
  const without = await command('serve');
  assert.equal(without.code, 2);
  assert.match(without.err, /store:openai: .*secrets\.previousMasterKeys/);

  await write({ masterKey: second, previousMasterKeys: [first] });
  const during = await serve(['--config', 'millrace.yaml'], { place });
  assert.equal((await during.chat({ model: 'm' })).status, 200);
  assert.equal(lastKey(), 'sk-under-the-first');
  const rotated = await command('secrets', 'rotate');
  assert.equal(rotated.code, 0, rotated.err);
  assert.match(rotated.out, /^1 data keys came under the master key in use/);
  assert.match((await command('secrets', 'rotate')).out, /^0 data keys/);
  await during.stop('SIGTERM');

  await write({ masterKey: second });
  await using after = await serve(['--config', 'millrace.yaml'], { place });
  assert.equal((await after.chat({ model: 'm' })).status, 200);
  await until('it is shown', () => lastKey() === 'sk-under-the-first');
});
