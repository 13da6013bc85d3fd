/** G9: an address that neither the file on disk nor an owner named is dialled as what a tenant names. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { alertsOptions } from '../../src/alerts/options.ts';
import { upstreamsOptions } from '../../src/config/upstream-options.ts';
import { healthOptions } from '../../src/fleet/options.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Exporters } from '../../src/wiring/exporters.ts';
import { openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { openAlerts } from '../alerts/rig.ts';
import { until } from '../faults/rig.ts';
import { openDnsStub } from '../upstream/dns-stub.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { as, base, type ConfigRig, openConfigRig } from './config-rig.ts';

/** Counts who connects, and says nothing. */
async function openCanary(t: TestContext, { port = 0, address = '127.0.0.1' } = {}) {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(port, address);
  await once(server, 'listening');
  t.after(() => void server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

const mail = (host: string, port: number) =>
  `alerts: { to: [ { email: [ ops@example.com ], smtp: { host: "${host}", port: ${port}, from: gate@example.com } } ] }\n`;

async function refused(
  rig: ConfigRig,
  sent: { path: string; body: unknown; role?: 'admin' },
  at: RegExp,
): Promise<void> {
  const put = await rig.change(sent.path, { method: 'PUT', body: sent.body, ...as(sent.role ?? 'operator') });
  assert.equal(put.status, 403, JSON.stringify(put.body));
  assert.match(put.body.detail, at);
  assert.match(put.body.detail, /for an owner to name, or for the file on disk/);
}

test('what is plainly no place of the internet is an owner’s to apply, and nobody connects to it before', async (t) => {
  const rig = await openConfigRig(t);
  const { port, connections } = await openCanary(t);
  const upstream = { path: 'upstreams/inner' };
  for (const url of [
    `http://127.0.0.1:${port}/v1`,
    `http://2130706433:${port}/v1`,
    `http://[::1]:${port}/v1`,
    `http://[::ffff:127.0.0.1]:${port}/v1`,
    'https://10.0.0.7/v1',
    'https://100.64.0.1/v1',
    'https://localhost/v1',
    'https://llm.localhost/v1',
    'https://gpu-box/v1',
    'http://api.example.com/v1',
    'https://api.example.com:9200/v1',
  ])
    await refused(
      rig,
      { ...upstream, body: { type: 'openai', url } },
      /^upstreams\.inner\.url: must|^upstreams\.inner\.url: is/,
    );
  await refused(
    rig,
    { ...upstream, role: 'admin', body: { type: 'openai', url: 'https://10.0.0.7/v1' } },
    /url: is/,
  );
  // A default is not the file's either.
  await refused(rig, { ...upstream, body: { type: 'ollama' } }, /^upstreams\.inner\.url: /);
  const exporter = `http://127.0.0.1:${port}/metrics`;
  const beside = { type: 'openai', url: 'https://api.example.com/v1', exporter };
  await refused(rig, { ...upstream, body: beside }, /^upstreams\.inner\.exporter: /);
  const { text } = await rig.config();
  for (const host of ['127.0.0.1', 'localhost', 'mail', '::1', '192.168.0.2'])
    await refused(
      rig,
      { path: 'config', body: { text: text + mail(host, port) } },
      /^alerts\.to\[0\]\.smtp\.host: /,
    );
  assert.deepEqual([(await rig.config()).version, connections()], [0, 0]);
  const outside = { type: 'openai', url: 'https://api.example.com/v1' };
  const put = await rig.change('upstreams/outer', { method: 'PUT', body: outside, ...as('operator') });
  assert.equal(put.status, 200, JSON.stringify(put.body));
  assert.deepEqual((await rig.config()).config.strangers, ['api.example.com:443']);
});

async function statusOf({ gateway }: TestAdmin, model: string): Promise<number> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test('what an owner applied stays his through the changes of others, and what he takes away is nobody’s', async (t) => {
  const rig = await openConfigRig(t);
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const inner = { type: 'openai', url: `http://127.0.0.1:${llm.port}/v1` };
  const put = (given: Parameters<ConfigRig['change']>[1], path = 'upstreams/inner') =>
    rig.change(path, { method: 'PUT', body: inner, ...given });
  assert.equal((await put(as('owner'))).status, 200);
  const limited = await put({ body: { items: [] }, ...as('operator') }, 'limits');
  assert.equal(limited.status, 200, JSON.stringify(limited.body));
  const again = await put({ body: { ...inner, slots: 2 }, ...as('operator') });
  assert.equal(again.status, 200, JSON.stringify(again.body));
  assert.equal((await rig.config()).config.strangers, undefined);
  assert.equal(await statusOf(rig.admin, 'inner/fake-model'), 200);
  assert.equal((await rig.change('upstreams/inner', { method: 'DELETE', ...as('owner') })).status, 200);
  assert.equal((await put(as('operator'))).status, 403);
  const back = { method: 'POST', body: { version: 2 }, ...as('operator') };
  assert.equal((await rig.change('config/rollback', back)).status, 403);
  // What the file names needs nobody else; it becomes a version after it is in force.
  const { version } = await rig.config();
  await rig.writeFile(base.replace('  sim:', `  inner: { type: openai, url: "${inner.url}" }\n  sim:`));
  await until('it is a version', async () => (await rig.config()).version > version);
  assert.equal((await put({ body: { ...inner, slots: 3 }, ...as('operator') })).status, 200);
  assert.equal(await statusOf(rig.admin, 'inner/fake-model'), 200);
});

test('a name that an operator applied leads nowhere but to the internet, and an owner may mean the same one', async (t) => {
  // Of the ports that strangers may name, at an address of this machine that nobody else listens at.
  const address = `127.31.${process.pid % 250}.${1 + ((process.pid >> 8) % 250)}`;
  const { connections } = await openCanary(t, { port: 8443, address });
  const dns = await openDnsStub();
  t.after(() => dns.close());
  dns.answer('played.example', { address, ttlS: 60 });
  const admin = await openTestAdmin({
    config: { keys: roleKeys('default'), dns: { servers: [dns.server] } },
  });
  t.after(() => admin.close());
  const answerAfter = async (role: 'operator' | 'owner') => {
    const { headers } = await admin.ask('config');
    const put = await admin.ask('upstreams/played', {
      method: 'PUT',
      body: { type: 'openai', url: 'https://played.example:8443/v1' },
      headers: { 'if-match': headers.get('etag') ?? '' },
      ...as(role),
    });
    assert.equal(put.status, 200, JSON.stringify(put.body));
    return await statusOf(admin, 'played/any');
  };
  assert.equal(await answerAfter('operator'), 502);
  assert.deepEqual([dns.questions('played.example') > 0, connections()], [true, 0]);
  assert.equal(await answerAfter('owner'), 502);
  assert.ok(connections() > 0, 'by the same name, as the operator’s');
});

test('an exporter and a mail server of nobody’s are not connected to either', async (t) => {
  const { port, connections } = await openCanary(t);
  const strangers = [`127.0.0.1:${port}`];
  const exporter = `http://127.0.0.1:${port}/metrics`;
  const upstreams = upstreamsOptions.parse({
    a: { type: 'openai', url: 'https://api.example.com/v1', exporter },
  });
  const health = healthOptions.parse({});
  const said: string[] = [];
  const log = { debug: (facts: object) => void said.push(JSON.stringify(facts)) };
  const exporters = new Exporters({ clock: systemClock, log });
  t.after(() => exporters.close());
  exporters.follow({ upstreams, health, strangers });
  await until('it has been looked at', () => said.length > 0);
  const smtp = { host: '127.0.0.1', port, tls: 'none', from: 'gate@example.com' };
  const { alerts } = openAlerts({ to: [{ email: ['ops@example.com'], smtp }] });
  t.after(() => alerts.close());
  alerts.follow(alertsOptions.parse({ to: [{ email: ['ops@example.com'], smtp }] }), strangers);
  const [tested] = await alerts.test();
  assert.match(JSON.stringify(tested), /may not be called/);
  assert.equal(connections(), 0);
  exporters.follow({ upstreams, health });
  await until('as the operator’s it is connected to', () => connections() > 0);
});
