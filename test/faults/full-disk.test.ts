/**
 * K1, G21: of two replicas one has a disk that takes nothing. It goes by its policy, the other does not notice, and once there
 * is room all is well by itself: what the upstream did stands in the ledger once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openReceiver, secret, status } from '../alerts/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openSmallDisk } from '../servers/small-disk.ts';
import { soaking } from '../soak.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';
import { assertAccounted, assertAnswered, dearAndFree, openAsker } from './dear-and-free.ts';
import { until } from './rig.ts';

/** A row takes some 2 KiB. */
const diskSize = soaking ? '1m' : '256k';

test('K1, G21: of two replicas one has a full disk: it refuses what costs money, the other goes on, and no row is missing or there twice', async (t) => {
  // Whoever writes there is closed before the disk goes.
  const opened: TestGateway[] = [];
  t.after(() => Promise.all(opened.map((gateway) => gateway.close())));
  const data = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
  const disk = openSmallDisk(t, { folder: join(data, 'spool'), size: diskSize });
  t.after(() => rmSync(data, { recursive: true, force: true }));
  if (typeof disk === 'string') return t.skip(disk);
  const { llm, postgres, receiver, store, config } = await openServers(t);
  const open = async (given: { data?: string } = {}) => {
    const gateway = await openTestGateway({ config, ...given });
    opened.push(gateway);
    return gateway;
  };
  const [first, two] = await Promise.all([open({ data }), open()]);
  let one = first;
  for (const { gateway } of [one, two])
    await until('they know of each other', () => gateway.lasting.shared.presence.count() === 2);
  const asker = openAsker();
  const { ask, statusOf } = asker;
  /** Its policy, and that nobody else is touched by it. */
  const assertRefusing = async () => {
    for (let round = 0; round < 5; round += 1) {
      const refused = await ask(one, 'dear');
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5'], refused.text);
      assert.match(refused.text, /cannot be written down/);
      assert.equal(await statusOf(one, 'free'), 200);
      assert.equal(await statusOf(two, 'dear'), 200);
    }
  };
  const untilFull = async () => {
    const { spool } = one.gateway.lasting;
    const { lost } = spool;
    await until('its disk takes no more', async () => {
      await Promise.all(Array.from({ length: 16 }, () => statusOf(one, 'free')));
      return spool.lost > lost;
    });
  };
  const servesAgain = () => until('it is well', async () => (await statusOf(one, 'dear')) === 200);

  await t.test('somebody else fills it', async () => {
    for (const replica of [one, two]) assert.equal(await statusOf(replica, 'dear'), 200);
    const goingOn = await asker.begin(one, llm);
    disk.fill();
    // What is left of the last page is still to be had.
    await untilFull();
    llm.open();
    await assertAnswered(goingOn);
    await assertRefusing();
    await until('it is told', () => receiver.received.some(({ body }) => body.includes('"spool"')));
    assert.ok(one.lines.some((line) => line.includes('ENOSPC') && line.includes('is the disk full?')));
    disk.empty();
    await servesAgain();
    await until('its end is told', () =>
      one.lines.some((line) => line.includes('finished exchanges are kept again')),
    );
  });

  await t.test('its own lines fill it, while the ledger is away', async () => {
    const goingOn = await asker.begin(one, llm);
    postgres.kill();
    await untilFull();
    llm.open();
    await assertAnswered(goingOn);
    await assertRefusing();
    await postgres.restart();
    await servesAgain();
  });

  await t.test('it may only be read when it starts (EROFS)', async () => {
    await one.close();
    disk.readOnly(true);
    one = await open({ data });
    await assertRefusing();
    assert.ok(one.lines.some((line) => line.includes('EROFS')));
    disk.readOnly(false);
    await servesAgain();
  });

  assert.equal(two.gateway.lasting.spool.lost, 0);
  await assertAccounted(store, asker.answered, llm);
});

async function openServers(t: TestContext) {
  const [redis, postgres, llm, receiver] = await Promise.all([
    openRedisServer(),
    openPostgresServer(),
    openGatedLlm(t),
    openReceiver(t, createHeldClock(), [status(200)]),
  ]);
  t.after(() => Promise.all([redis.stop(), postgres.stop()]));
  const store = await postgres.createDatabase();
  const config = {
    store,
    shared: redis.url,
    ...dearAndFree(llm),
    alerts: { to: [{ webhook: receiver.url, secret }], group: { waitMs: 1, everyMs: 1 } },
  };
  return { llm, postgres, receiver, store, config };
}
