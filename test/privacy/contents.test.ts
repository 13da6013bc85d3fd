/** Prompts and answers: kept where a tenant wants it, sealed, for its time, and readable by those who answer for it. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Content, SealedContent } from '../../src/core/content.ts';
import { fail } from '../../src/core/failure.ts';
import { createSealingKey, KeyRing } from '../../src/lib/seal.ts';
import { KeptContents } from '../../src/privacy/kept-contents.ts';
import { contentBytesMax, openContent } from '../../src/privacy/sealed-content.ts';
import { keyOf, openTestAdmin, roleKeys } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { makePerson, type Person, say } from './subjects.ts';

async function open(t: TestContext, { config = {}, days = 7 }: { config?: object; days?: number } = {}) {
  const admin = await openTestAdmin({ config: { keys: roleKeys('acme'), ...config } });
  t.after(() => admin.close());
  const ada = await makePerson(admin.ask, { tenant: 'acme', user: 'ada' });
  const other = await makePerson(admin.ask, { tenant: 'globex', user: 'ada' });
  const headers = { 'if-match': '*' };
  const change = { method: 'PATCH', headers, body: { keepContentDays: days } };
  assert.equal((await admin.ask('tenants/acme', change)).status, 200);
  const { store, privacy } = admin.gateway.gateway.lasting;
  const kept = async (person: Person) => {
    await privacy.contents.flush();
    return await store.contents.page(person, undefined, 100);
  };
  return { admin, ada, other, kept };
}

/** Gives its id. */
async function ask(url: string, { key, canary }: Person, body: object = {}): Promise<string> {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: canary }], ...body }),
  });
  await reply.text();
  return reply.headers.get('x-millrace-id') ?? '';
}

test('what is said is kept of the tenant that wants it and of no other, sealed, and is in no log', async (t) => {
  const { admin, ada, other, kept } = await open(t);
  const whole = await ask(admin.gateway.url, ada);
  const streamed = await ask(admin.gateway.url, ada, { stream: true });
  await ask(admin.gateway.url, other);
  await until('both are kept', async () => (await kept(ada)).length === 2);
  assert.deepEqual(await kept(other), []);
  for (const id of [whole, streamed]) {
    const shown = await admin.ask(`contents/${id}?tenant=acme`);
    assert.equal(shown.status, 200, JSON.stringify(shown.body));
    const { prompt, answer, outcome, user, model, cut, at, expiresAt } = shown.body;
    assert.deepEqual(prompt, [{ role: 'user', content: ada.canary }]);
    assert.ok(answer.length > 0);
    assert.deepEqual([outcome, user, model, cut], ['complete', 'ada', 'simulator', false]);
    assert.equal(Date.parse(expiresAt) - Date.parse(at), 7 * 86_400_000);
  }
  const { items } = (await admin.ask('audit?tenant=acme&limit=4')).body;
  assert.deepEqual(
    items.map(({ action, object }: { action: string; object: string }) => [action, object])[0],
    ['contents.show', `acme/${streamed}`],
  );
  const { data } = admin.gateway;
  const files = (await readdir(data)).filter((name) => name.startsWith('millrace.sqlite'));
  for (const name of files) {
    assert.equal((await readFile(join(data, name))).includes(ada.canary), false, name);
  }
  assert.equal(admin.gateway.lines.join().includes(ada.canary), false);
});

test('the model of what is kept is the one that answered, where the client named none too', async (t) => {
  const { admin, ada, kept } = await open(t, { config: { defaultModel: 'simulator' } });
  const reply = await fetch(`${admin.gateway.url}/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ada.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'hi' }),
  });
  assert.equal(reply.status, 200, await reply.text());
  await until('it is kept', async () => (await kept(ada)).length === 1);
  const shown = await admin.ask(`contents/${reply.headers.get('x-millrace-id')}?tenant=acme`);
  assert.equal(shown.body.model, 'simulator');
});

test('G1, API1: only owners and admins of the tenant read what was said', async (t) => {
  const { admin, ada, kept } = await open(t);
  const id = await ask(admin.gateway.url, ada);
  await until('it is kept', async () => (await kept(ada)).length === 1);
  assert.equal((await admin.ask(`contents/${id}`, { as: keyOf('acme', 'admin') })).status, 200);
  for (const role of ['operator', 'developer', 'viewer', 'billing'] as const) {
    assert.equal((await admin.ask(`contents/${id}`, { as: keyOf('acme', role) })).status, 403, role);
  }
  assert.equal((await admin.ask(`contents/${id}?tenant=globex`)).status, 404);
});

test('the operator forbids it to all by one switch, and a tenant ends it for itself', async (t) => {
  const { admin, ada, kept } = await open(t, { config: { privacy: { content: 'never' } } });
  await ask(admin.gateway.url, ada);
  assert.deepEqual(await kept(ada), []);
  const allowing = await open(t);
  await allowing.admin.ask('tenants/acme', {
    method: 'PATCH',
    headers: { 'if-match': '*' },
    body: { keepContentDays: 0 },
  });
  await ask(allowing.admin.gateway.url, allowing.ada);
  assert.deepEqual(await allowing.kept(allowing.ada), []);
});

test('an export has what was said, and an erasure leaves nothing of it, of what waits for the store neither', async (t) => {
  const { admin, ada, kept } = await open(t);
  await ask(admin.gateway.url, ada);
  await say(admin.gateway, ada);
  await until('all are kept', async () => (await kept(ada)).length === 3);
  const exported = await admin.ask('privacy/export?tenant=acme', { method: 'POST', body: { user: 'ada' } });
  assert.equal(exported.body.contents.length, 3);
  for (const { prompt } of exported.body.contents) assert.equal(prompt[0].content, ada.canary);
  await ask(admin.gateway.url, ada);
  const erased = await admin.ask('privacy/erase?tenant=acme', { method: 'POST', body: { user: 'ada' } });
  assert.equal(erased.status, 200);
  assert.ok(erased.body.erased.contents >= 3);
  assert.deepEqual(await kept(ada), []);
});

test('conversations that are switched off are not kept, and whoever goes on with one is told', async (t) => {
  const { admin, ada } = await open(t, { config: { conversations: { enabled: false } } });
  const id = await say(admin.gateway, ada);
  const { conversations } = admin.gateway.gateway.lasting;
  assert.deepEqual(await conversations.read(ada, id), []);
  const again = await fetch(`${admin.gateway.url}/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ada.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ message: 'and then?', conversation_id: id }),
  });
  assert.equal(again.status, 200);
  assert.match(JSON.stringify([...again.headers]), /conversations are switched off/);
});

const owner = { tenant: 'acme', user: 'ada' };
const said = { route: 'r', model: 'm', outcome: 'complete', prompt: 'hi', answer: 'there', cut: false };
const contentOf = (id: string, changed: object = {}): Content => ({
  id,
  owner,
  atMs: 0,
  said: { ...said, ...changed },
});

function openQueue() {
  const clock = createHeldClock();
  const ring = new KeyRing(createSealingKey(Buffer.alloc(32, 7)));
  const written: SealedContent[] = [];
  const told: number[] = [];
  const store = { away: false };
  const queue = new KeptContents({
    clock,
    sealers: { of: () => Promise.resolve(ring) },
    contents: {
      append: (rows) => {
        if (store.away) return Promise.reject(fail('dependency_unavailable', 'away'));
        written.push(...rows);
        return Promise.resolve();
      },
    },
    onLost: (count) => told.push(count),
    onKept: () => {},
  });
  return { clock, ring, written, told, store, queue };
}

test('while the store is away what was said waits, up to a bound, and what is dropped is counted and told', async () => {
  const { clock, written, told, store, queue } = openQueue();
  store.away = true;
  const bounds = { days: 1, bytes: 1_024 * 1_024 };
  for (let index = 0; index < 40; index += 1) queue.add(contentOf(`${index}`), bounds);
  assert.deepEqual([queue.lost, told], [8, [1]]);
  await queue.flush();
  assert.equal(written.length, 0);
  store.away = false;
  clock.advance(1_000);
  await queue.flush();
  assert.equal(written.length, 32);
  store.away = true;
  queue.add(contentOf('last'), bounds);
  clock.advance(60_000);
  await queue.close();
  assert.deepEqual([queue.lost, told.reduce((sum, count) => sum + count, 0)], [9, 9]);
});

test('what is longer than is kept is cut where characters end, and says so', async () => {
  const { ring, written, queue } = openQueue();
  const long = `${'é'.repeat(contentBytesMax)}`;
  queue.add(contentOf('1', { prompt: [{ role: 'user', content: long }], answer: `a${long}` }), {
    days: 1,
    bytes: 1,
  });
  await queue.flush();
  const [sealed] = written;
  assert.ok(sealed);
  const opened = openContent(sealed, ring);
  assert.equal(opened?.cut, true);
  assert.ok(Buffer.byteLength(String(opened.answer)) <= contentBytesMax);
  assert.match(String(opened.answer), /^aé+$/);
  assert.match(String(opened.prompt), /^\[\{"role":"user","content":"é+$/);
});
