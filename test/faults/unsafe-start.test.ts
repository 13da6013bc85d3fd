// P11, G6: with missing or unsafe settings the gateway does not start: quickly, with every problem named, no secret told.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { assertQuick, millrace, openPlace } from '../cli/gateway-process.ts';

const canary = 'CANARY-5f1d';
const safe = {
  upstreams: { a: { type: 'openai', url: 'http://127.0.0.1:9/v1' } },
  models: { o: { targets: [{ upstream: 'a', model: 'm' }] } },
};
const everywhere = { listen: '0.0.0.0:0' };

interface Row {
  readonly what: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Each must stand in what is told. */
  readonly names: readonly string[];
}

const rows: readonly Row[] = [
  { what: 'no keys beyond loopback', config: { ...everywhere, auth: 'none' }, names: ['auth'] },
  {
    what: 'guessable secrets',
    config: {
      admin: { token: 'changeme' },
      keys: [
        { name: 'a', key: 'sk-1234' },
        { name: 'b', key: '' },
      ],
    },
    names: ['admin.token', 'keys[0].key', 'keys[1].key'],
  },
  { what: 'the admin token of an example', config: { admin: { token: 'sk-1234' } }, names: ['admin.token'] },
  {
    what: 'an admin token of fewer than 32 characters',
    config: { admin: { token: 'k7Qw2mZp9Xr4Tn8Vb3Yc6Ld1Hs5Jf0' } },
    names: ['admin.token'],
  },
  {
    what: 'secrets that are not there',
    config: {
      keys: [{ name: 'a', key: 'env:NOT_THERE' }],
      upstreams: { a: { type: 'openai', url: 'http://127.0.0.1:9/v1', key: 'file:./not-there' } },
    },
    names: ['NOT_THERE', 'upstreams.a.key'],
  },
  {
    what: 'a secret in an address',
    config: { upstreams: { a: { type: 'openai', url: `http://user:${canary}@127.0.0.1:9/v1` } } },
    names: ['upstreams.a.url'],
  },
  {
    what: 'many problems, and secrets beside them',
    config: {
      ...everywhere,
      auth: 'none',
      keys: [{ name: 'a', key: `sk-mr-${canary}-0123456789abcdef0123456789abcdef`, tennant: 'x' }],
      upstreams: { a: { type: 'opnai', url: 'http://127.0.0.1:9/v1', key: `${canary}-key` } },
      models: { o: { targets: [{ upstream: 'b', model: 'm' }] } },
      queue: { places: -1 },
      cache: {},
    },
    names: ['auth', 'tennant', 'upstreams.a.type', 'models.o.targets[0].upstream', 'queue.places', 'cache'],
  },
];

for (const { what, config, names } of rows) {
  test(`P11: the gateway refuses to start with ${what}`, async () => {
    await using place = await openPlace();
    await place.write('millrace.yaml', JSON.stringify({ ...safe, ...config }, undefined, 2));
    const { listen } = config as { listen?: string };
    const { code, out, err, tookMs } = await millrace(['serve', '--config', place.path('millrace.yaml')], {
      place,
      environment: listen === undefined ? {} : { MILLRACE__LISTEN__ADDRESS: listen },
    });
    assert.notEqual(code, 0);
    await assertQuick(tookMs, 2_000, place);
    for (const name of names) assert.ok(err.includes(name), `${name} is named:\n${err}`);
    assert.ok(!`${out}${err}`.includes(canary), `no secret is told:\n${err}`);
  });
}

test('who cannot start ends, also with connections to what replicas share open by then', {
  timeout: 60_000,
}, async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', JSON.stringify({ ...safe, shared: 'redis://127.0.0.1:9' }));
  await mkdir(place.path('.millrace'));
  await writeFile(place.path('.millrace/master-key'), 'short', { mode: 0o600 });
  const { code, err } = await millrace(['serve'], { place });
  assert.equal(code, 1);
  assert.match(err, /cannot start: .*master-key holds fewer than/);
});
