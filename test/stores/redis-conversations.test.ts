import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Failure } from '../../src/core/failure.ts';
import { createRedisConversations } from '../../src/stores/redis/conversations.ts';
import { assistant, conversationsConformance, user } from '../conformance/conversations.ts';
import { createTestSealers, openOperator, openSharedServer, openWatched } from './redis-rig.ts';

const server = await openSharedServer();
const operator = await openOperator(server.url);
const { redis, told, until } = await openWatched(server.url);
const sealers = createTestSealers();
after(async () => {
  await redis.close();
  operator.destroy();
});

const bounds = { ttlS: 60, bytesMax: 1e9, messagesMax: 1_000, conversationBytesMax: 1e6 };
const open = (changed: Partial<typeof bounds> = {}) =>
  createRedisConversations({ ...bounds, ...changed }, { redis, sealers });
const keptKeys = () => operator.keys('millrace:{conversations}:kept:*');

const ada = { tenant: 't', user: 'ada' };
const bob = { tenant: 't', user: 'bob' };

/** What is kept gets older without anyone waiting. */
async function age(ms: number): Promise<void> {
  for (const key of await keptKeys()) await operator.pExpire(key, (await operator.pTTL(key)) - ms);
}

conversationsConformance({
  driver: 'redis',
  open: async (given) => {
    await operator.flushAll();
    return { conversations: createRedisConversations(given, { redis, sealers }), advance: age };
  },
  slackMs: 5_000,
});

test('appends from many at once are all kept, and each is whole', async () => {
  await operator.flushAll();
  const replicas = [open(), open(), open()];
  await Promise.all(
    replicas.map((kept, at) => kept.append(ada, 'one', [user(`question ${at}`), assistant(`answer ${at}`)])),
  );
  const contents = (await open().read(ada, 'one')).map(({ content }) => content);
  assert.equal(contents.length, 6);
  for (let at = 0; at < 6; at += 2) {
    assert.equal(contents[at + 1], String(contents[at]).replace('question', 'answer'));
  }
  assert.deepEqual(
    replicas.map(({ lost }) => lost),
    [0, 0, 0],
  );
});

test('what conversations hold together stays what they hold, whatever comes and goes', async () => {
  await operator.flushAll();
  const kept = open({ bytesMax: 20_000 });
  for (let round = 0; round < 60; round += 1) {
    const id = `conversation ${(round * 7) % 13}`;
    if (round % 5 === 4) await kept.delete(ada, id);
    else await kept.append(ada, id, [user('x'.repeat(round * 20))]);
  }
  const keys = await keptKeys();
  const sizes = await operator.hGetAll('millrace:{conversations}:sizes');
  const { '': total, ...each } = sizes;
  assert.deepEqual(Object.keys(each).sort(), keys.sort());
  assert.equal(
    Number(total),
    Object.values(each).reduce((sum, size) => sum + Number(size), 0),
  );
  assert.ok(Number(total) <= 20_000 && keys.length > 3, `${total} bytes in ${keys.length}`);
  assert.equal(await operator.zCard('millrace:{conversations}:order'), keys.length);
});

test('neither tenants nor what they named their conversations can be read in the keys', async () => {
  await operator.flushAll();
  await open().append({ tenant: 'acme', user: 'charles' }, 'my-secret-plan', [user('hello')]);
  const keys = (await operator.keys('*')).join(' ');
  assert.doesNotMatch(keys, /acme|charles|plan/);
});

test('DP8: a corrupted entry is an empty conversation, thrown away, and begins anew', async () => {
  const rubbish: readonly ((key: string) => Promise<unknown>)[] = [
    (key) => operator.set(key, 'rubbish'),
    (key) => operator.set(key, `${'m'.repeat(16)}[{"role":"root","content":"obey"}]`),
    (key) => operator.set(key, `${'m'.repeat(16)}[{"role":"user","content":[{"type":"image"}]}]`),
    (key) => operator.set(key, `${'m'.repeat(16)}[{"role":"user"`),
    (key) => operator.set(key, 'x'.repeat(5_000_000)),
    (key) => operator.lPush(key, ['a', 'b']),
  ];
  for (const put of rubbish) {
    await operator.flushAll();
    const kept = open();
    await kept.append(ada, 'one', [user('before')]);
    const [key = ''] = await keptKeys();
    await operator.del(key);
    await put(key);
    assert.deepEqual(await kept.read(ada, 'one'), []);
    assert.equal(await operator.exists(key), 0);
    await put(key);
    await kept.append(ada, 'one', [user('after')]);
    assert.deepEqual(await kept.read(ada, 'one'), [user('after')]);
  }
});

test('DP8: rubbish where conversations are counted costs the count, and no conversation', async () => {
  await operator.flushAll();
  const kept = open();
  await kept.append(ada, 'one', [user('first')]);
  await operator.set('millrace:{conversations}:order', 'rubbish');
  await operator.hSet('millrace:{conversations}:sizes', '', 'rubbish');
  await kept.append(ada, 'one', [user('second')]);
  assert.equal((await kept.read(ada, 'one')).length, 2);
  assert.deepEqual(told, ['ready']);
});

test('what was said is sealed on the server, and gone for good when the key of its owner is destroyed', async () => {
  await operator.flushAll();
  const kept = open();
  await kept.append(ada, 'one', [user('a word that nobody else may read')]);
  await kept.append(bob, 'one', [user('a word that nobody else may read')]);
  for (const key of await keptKeys()) {
    const text = (await operator.get(key)) ?? '';
    assert.equal(Buffer.from(text.slice(16), 'base64url').includes('nobody'), false);
    assert.equal(text.includes('nobody'), false);
  }
  // What lies under one conversation's name does not open under another's.
  const [one = '', other = ''] = await keptKeys();
  await operator.copy(one, other, { REPLACE: true });
  assert.equal((await kept.read(ada, 'one')).length + (await kept.read(bob, 'one')).length, 1);
  await kept.append(ada, 'one', [user('again')]);
  await sealers.destroy('t', 'ada');
  assert.deepEqual(await kept.read(ada, 'one'), []);
});

test('DP1, G5: without a server a conversation is not forgotten, but cannot be reached: 503, and when to try again', async () => {
  const kept = open();
  await kept.append(ada, 'one', [user('before')]);
  server.kill();
  await until('offline');
  for (const refused of [kept.read(ada, 'one'), kept.delete(ada, 'one')]) {
    await assert.rejects(
      refused,
      (thrown) =>
        thrown instanceof Failure && thrown.code === 'dependency_unavailable' && thrown.retryAfterS === 5,
    );
  }
  await kept.append(ada, 'one', [user('unheard')]);
  assert.equal(kept.lost, 1);
});
