// U11, G9: names of upstreams that are unknown, cannot be looked up, move, or lead where nobody may go.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { NameResolver } from '../../src/net/name-resolver.ts';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openDnsStub } from '../upstream/dns-stub.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { type Call, rigOf, until } from './rig.ts';

const whole: Call = { route: 'openai.chat' };
const ours = { address: '127.0.0.1', ttlS: 60 };

async function openNamed(t: TestContext, clock: Clock = systemClock) {
  const dns = await openDnsStub();
  const llm = await openFakeLlm();
  t.after(() => Promise.all([dns.close(), llm.close()]));
  dns.answer('good.example', ours);
  const gateway = await openTestGateway({
    clock,
    config: {
      dns: { servers: [dns.server] },
      upstreams: {
        first: { type: 'openai', url: `http://first.example:${llm.port}/v1`, connectMs: 600 },
        good: { type: 'openai', url: `http://good.example:${llm.port}/v1` },
      },
      models: {
        o: {
          targets: [
            { upstream: 'first', model: 'fake-model' },
            { upstream: 'good', model: 'fake-model', tier: 2 },
          ],
        },
      },
    },
  });
  t.after(() => gateway.close());
  return { dns, rig: rigOf(llm, gateway) };
}

for (const answer of ['unknown', 'failing', 'silent'] as const) {
  test(`U11: where a name is ${answer} another upstream answers within the clock for connecting`, async (t) => {
    const { dns, rig } = await openNamed(t);
    dns.answer('first.example', answer);
    const startedAt = performance.now();
    for (let count = 0; count < 3; count += 1)
      assert.match((await rig.ask(whole)).head, /^x-millrace-target: good/m);
    t.diagnostic(`${Math.round((performance.now() - startedAt) / 3)} ms a request`);
  });
}

test('U11: a server that moves to another address is found there as soon as its name says so, and nobody notices', async (t) => {
  const clock = createHeldClock();
  const { dns, rig } = await openNamed(t, clock);
  // The same port elsewhere: nothing but the address changes.
  const moved = await openFakeLlm({}, rig.llm.port, '127.0.0.2');
  t.after(() => moved.close());
  const asked = () => moved.requests.filter(({ method }) => method === 'POST').length;
  dns.answer('first.example', { address: '127.0.0.1', ttlS: 0 });
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: first/m);
  dns.answer('first.example', { address: '127.0.0.2', ttlS: 0 });
  dns.answer('good.example', { address: '127.0.0.2', ttlS: 0 });
  await rig.llm.close();
  clock.advance(1_000);
  assert.match((await rig.ask(whole)).head, /^HTTP\/1.1 200/);
  clock.advance(60_000);
  await until('it is asked where it is now', async () =>
    /^x-millrace-target: first/m.test((await rig.ask(whole)).head),
  );
  assert.ok(asked() >= 2);
});

test('U11: names that nobody answers for take no thread: files are read, and other names found, all the same', async (t) => {
  const dns = await openDnsStub();
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= dns.close();
    return closed;
  };
  t.after(close);
  const names = new NameResolver({ clock: createHeldClock(), servers: [dns.server] });
  const hosts = Array.from({ length: 40 }, (_, index) => `slow${index}.example`);
  for (const host of hosts) dns.answer(host, 'silent');
  let over = 0;
  const lookups = hosts.map((host) =>
    names.resolve(host).catch(() => {
      over += 1;
    }),
  );
  await readFile(import.meta.filename);
  dns.answer('quick.example', ours);
  assert.deepEqual(await names.resolve('quick.example'), [{ address: '127.0.0.1', family: 4 }]);
  assert.equal(over, 0, 'the others are waited for still');
  // Nobody listens there any more: that they are told at their next try.
  await close();
  await Promise.all(lookups);
});

test('U11: a name is asked for once by all who want it at once, and again when its time is over, within bounds', async (t) => {
  const dns = await openDnsStub();
  t.after(() => dns.close());
  const clock = createHeldClock();
  const names = new NameResolver({ clock, servers: [dns.server] });
  const addressOf = async (host: string) => (await names.resolve(host))[0]?.address;
  dns.answer('a.example', { address: '127.0.0.1', ttlS: 0 });
  await Promise.all(Array.from({ length: 20 }, () => addressOf('a.example')));
  assert.equal(dns.questions('a.example'), 1);
  dns.answer('a.example', { address: '127.0.0.2', ttlS: 1_000_000 });
  clock.advance(999);
  assert.equal(await addressOf('a.example'), '127.0.0.1');
  clock.advance(1);
  assert.equal(await addressOf('a.example'), '127.0.0.2');
  dns.answer('a.example', { address: '127.0.0.3', ttlS: 60 });
  clock.advance(299_999);
  assert.equal(await addressOf('a.example'), '127.0.0.2');
  clock.advance(1);
  assert.equal(await addressOf('a.example'), '127.0.0.3');
});

test('U11: while no name server answers rightly, what was known is used; what it says is gone is gone', async (t) => {
  const dns = await openDnsStub();
  t.after(() => dns.close());
  const clock = createHeldClock();
  const names = new NameResolver({ clock, servers: [dns.server] });
  dns.answer('a.example', ours);
  await names.resolve('a.example');
  dns.answer('a.example', 'failing');
  clock.advance(60_000);
  assert.equal((await names.resolve('a.example'))[0]?.address, '127.0.0.1');
  clock.advance(300_000);
  await assert.rejects(names.resolve('a.example'), { code: 'EAI_AGAIN' });
  dns.answer('b.example', ours);
  await names.resolve('b.example');
  dns.answer('b.example', 'unknown');
  clock.advance(60_000);
  await assert.rejects(names.resolve('b.example'), { code: 'ENOTFOUND' });
});

test('U11: what stands in the hosts file is found without a name server', async () => {
  const names = new NameResolver({ clock: createHeldClock(), servers: [] });
  const found = await names.resolve('localhost');
  assert.ok(found.some(({ address }) => address === '127.0.0.1' || address === '::1'));
});

test('G9: an upstream whose name leads to a cloud’s metadata service is not connected to', async (t) => {
  const { dns, rig } = await openNamed(t);
  dns.answer('first.example', { address: '169.254.169.254', ttlS: 60 });
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: good/m);
  const names = new NameResolver({ clock: createHeldClock(), servers: [dns.server] });
  await assert.rejects(names.resolve('first.example'), { code: 'EMETADATA' });
});
