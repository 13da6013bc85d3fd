import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { registerHooks } from 'node:module';
import { after, before, test } from 'node:test';
import { type Admin, openAdmin } from '../../src/admin/admin.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { AppliedConfig } from '../../src/wiring/applied-config.ts';
import { Reloader } from '../../src/wiring/reload.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';

const loaded: string[] = [];
let unreadable = '';
registerHooks({
  load(url, context, next) {
    if (unreadable !== '' && url.endsWith(unreadable)) throw new Error('too many open files');
    loaded.push(url);
    return next(url, context);
  },
});
const apiFiles = () => loaded.filter((url) => /\/node_modules\/fastify\/|-routes\.ts$/.test(url));

let gateway: TestGateway;
let admin: Admin;
before(async () => {
  gateway = await openTestGateway();
  admin = await openAdminOf(gateway);
});
after(async () => {
  await admin.close();
  await gateway.close();
});

test('what the admin listener answers with is loaded by its first requests, all of them are answered, and one that failed to load it is not the last', async () => {
  assert.ok(admin.port > 0);
  assert.deepEqual(apiFiles(), []);
  unreadable = '/src/admin/directory-shapes.ts';
  assert.equal(await ask('127.0.0.1', '/livez'), 500);
  unreadable = '';
  const asked = ['/livez', '/readyz', '/livez', '/livez'].map((path) => ask('127.0.0.1', path));
  assert.deepEqual(await Promise.all(asked), [200, 200, 200, 200]);
  assert.ok(apiFiles().length > 10, 'nothing was loaded');
  const count = loaded.length;
  assert.equal(await ask('127.0.0.1', '/livez'), 200);
  assert.equal(loaded.length, count);
});

test('where localhost means two addresses, the admin listener is at both', async () => {
  const both = await openAdminOf(gateway, 'localhost');
  try {
    for (const { address, family } of await lookup('localhost', { all: true })) {
      const host = family === 6 ? `[${address}]` : address;
      assert.equal(await ask(host, '/livez', both.port), 200);
    }
  } finally {
    await both.close();
  }
});

test('a request that comes before the admin API is loaded does not keep the gateway from closing', async () => {
  const another = await openAdminOf(gateway);
  const asked = ask('127.0.0.1', '/livez', another.port).catch(() => 'cut');
  await another.api();
  await another.close();
  await asked;
  await assert.rejects(ask('127.0.0.1', '/livez', another.port));
});

async function openAdminOf({ gateway: running, file }: TestGateway, host = '127.0.0.1'): Promise<Admin> {
  const { clock, log } = running.lasting;
  const applied = await AppliedConfig.open(new Configuration({ path: file, environment: {}, clock }));
  const reloader = new Reloader({
    gateway: running,
    log,
    started: await applied.load(),
    load: () => applied.load(),
    onLoaded: () => {},
    renewCertificates: async () => [],
  });
  return await openAdmin({
    gateway: running,
    reloader,
    applied,
    version: '0.0.0',
    configFiles: () => [],
    admin: {
      listen: { host, port: 0 },
      tls: undefined,
      allow: [],
      connectionsMax: 256,
      changesPerMinute: 1_200,
      reportsAtOnce: 8,
    },
    token: 'mr-admin-3f9c1d7be2a84c06b5d1e0f7a9c83b42',
  });
}

async function ask(host: string, path: string, port = admin.port): Promise<number> {
  const answer = await fetch(`http://${host}:${port}${path}`);
  await answer.text();
  return answer.status;
}
