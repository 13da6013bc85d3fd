/** C14: who shows no key that is known is told so in its turn, and nobody else waits for it. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { makeKey } from '../../src/identity/api-key.ts';
import { openTestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';
import { requestBytes } from './raw.ts';

/** Two a second, and four who may wait. */
const wrongKeys = { perSecond: 2, holdMs: 2_000, heldMax: 4 };

test('C14: beyond so many a second wrong keys are told in their turn, known ones at once', async (t) => {
  const { gateway, clock, held, ask } = await open(t);
  const ended: string[] = [];
  const guess = (name: string) => void ask(makeKey()).then((status) => ended.push(`${name} ${status}`));
  assert.deepEqual([await ask(makeKey()), await ask('')], [401, 401]);
  for (const name of ['third', 'fourth']) {
    const before = held();
    guess(name);
    await until(`the ${name} is held`, () => held() === before + 1);
  }
  assert.equal(await ask(gateway.key), 200);
  assert.deepEqual(ended, []);
  clock.advance(500);
  await until('the third was told', () => ended.length === 1);
  clock.advance(499);
  assert.equal(held(), 1);
  clock.advance(1);
  await until('the fourth was told', () => ended.length === 2);
  assert.deepEqual(ended, ['third 401', 'fourth 401']);
  assert.match(await metrics(gateway), /^millrace_wrong_keys_held 2$/m);
});

test('C14: nobody waits longer than the bound, and beyond so many who wait all are told at once', async (t) => {
  const { clock, held, ask } = await open(t, { wrongKeys: { ...wrongKeys, holdMs: 600 } });
  for (let count = 0; count < 2; count += 1) await ask(makeKey());
  const waiting = Array.from({ length: 4 }, () => ask(makeKey()));
  await until('four are held', () => held() === 4);
  assert.equal(await ask(makeKey()), 401);
  clock.advance(600);
  assert.deepEqual(await Promise.all(waiting), [401, 401, 401, 401]);
  clock.advance(1_000);
  assert.equal(await ask(makeKey()), 401, 'what was left unsaid to some is not owed by others');
});

test('C14: who leaves frees the place, and a reload changes the bounds', async (t) => {
  const { gateway, clock, held, ask } = await open(t);
  for (let count = 0; count < 2; count += 1) await ask(makeKey());
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(wrongRequest());
  await until('it is held', () => held() === 1);
  socket.destroy();
  await until('its place is free', () => held() === 0);
  await gateway.reload({ identity: { wrongKeys: { ...wrongKeys, holdMs: 0 } } });
  assert.equal(await ask(makeKey()), 401);
  await gateway.reload({ identity: { wrongKeys } });
  const last = ask(makeKey());
  await until('the next is held again', () => held() === 1);
  clock.advance(wrongKeys.holdMs);
  assert.equal(await last, 401);
});

test('G23: a gateway that stops tells at once whoever it holds', async (t) => {
  const { gateway, held, ask } = await open(t);
  const waiting = Array.from({ length: 5 }, () => ask(makeKey()));
  await until('three are held', () => held() === 3);
  await gateway.gateway.close(60_000);
  assert.deepEqual(await Promise.all(waiting), [401, 401, 401, 401, 401]);
});

test('G5, C14: what nobody can tell is our outage, and said at once', async (t) => {
  const { gateway, clock, held, ask } = await open(t);
  await makeStoredKey(gateway, { name: 'ci' });
  for (let count = 0; count < 2; count += 1) await ask('guess');
  const waiting = ask('guess');
  await until('guesses are held', () => held() === 1);
  gateway.gateway.lasting.followed.unknown.doubt();
  assert.equal(await ask(makeKey()), 503);
  clock.advance(wrongKeys.holdMs);
  assert.equal(await waiting, 401);
});

test('C14: a wrong admin token is told in the same line', async (t) => {
  const clock = createHeldClock();
  const admin = await openTestAdmin({ clock, config: { identity: { wrongKeys } } });
  t.after(() => admin.close());
  const { lasting } = admin.gateway.gateway;
  const guesses = [makeKey(), null];
  for (const guess of guesses) assert.equal((await admin.ask('status', { as: guess })).status, 401);
  const waiting = guesses.map((guess) => admin.ask('status', { as: guess }));
  await until('both are held', () => lasting.wrongKeys.held === 2);
  assert.equal((await admin.ask('status')).status, 200);
  clock.advance(1_000);
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ status }) => status),
    [401, 401],
  );
});

test('C14: of wrong keys on one connection the next is looked at when the one ahead was told', async (t) => {
  const { gateway, clock, held, ask } = await open(t);
  for (let count = 0; count < 2; count += 1) await ask(makeKey());
  const socket = connect(gateway.port, '127.0.0.1').setEncoding('latin1');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (more: string) => {
    text += more;
  });
  const known = requestBytes({ path: '/v1/models', headers: { authorization: `Bearer ${gateway.key}` } });
  const ahead = 30;
  socket.write(Buffer.concat([...Array.from({ length: ahead }, wrongRequest), known]));
  for (let count = 0; count < ahead; count += 1) {
    await until('one is held', () => held() === 1);
    assert.equal(statusesOf(text).length, count);
    clock.advance(500);
    await until('it was told', () => statusesOf(text).length > count);
  }
  await until('the last is answered too', () => statusesOf(text).length === ahead + 1);
  assert.deepEqual(statusesOf(text), [...Array<string>(ahead).fill('401'), '200']);
});

test('C14: of thousands that come ahead of their answers those beyond a bound are cut, and take no memory', async (t) => {
  const { gateway, held, ask } = await open(t, { wrongKeys: { ...wrongKeys, heldMax: 64 } });
  for (let count = 0; count < 2; count += 1) await ask(makeKey());
  const sockets = Array.from({ length: 32 }, () => connect(gateway.port, '127.0.0.1'));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  let cut = 0;
  const piece = Buffer.concat(Array<Buffer>(500).fill(wrongRequest()));
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.once('close', () => {
      cut += 1;
    });
    socket.write(piece);
  }
  await until('each is held or cut', () => held() + cut === sockets.length);
  assert.ok(cut > 0 && held() > 0, `${held()} are held, ${cut} cut`);
  assert.equal(await ask(gateway.key), 200);
});

interface Opened {
  readonly gateway: TestGateway;
  readonly clock: ReturnType<typeof createHeldClock>;
  readonly held: () => number;
  readonly ask: (key: string) => Promise<number>;
}

async function open(t: TestContext, identity: object = { wrongKeys }): Promise<Opened> {
  const clock = createHeldClock();
  const gateway = await openTestGateway({ clock, config: { identity } });
  t.after(() => gateway.close());
  const { lasting } = gateway.gateway;
  return { gateway, clock, held: () => lasting.wrongKeys.held, ask: (key) => statusWith(gateway, key) };
}

async function metrics({ url, key }: TestGateway): Promise<string> {
  return await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } })).text();
}

function wrongRequest(): Buffer {
  return requestBytes({ path: '/v1/models', headers: { authorization: `Bearer ${makeKey()}` } });
}

function statusesOf(text: string): readonly (string | undefined)[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
}
