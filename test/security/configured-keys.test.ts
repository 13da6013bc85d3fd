/** Keys of the configuration are narrowed and end in the same words as those in the store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { openTestAdmin } from '../admin-rig.ts';

const keyOf = (name: string) => `sk-mr-configured-${name}-c2f9a7d1e4b80356`;
const never = { models: [], routes: [], addresses: [] };

test('a configured key is for its models, routes and addresses alone, and ends when it is to', async (t) => {
  let aheadMs = 0;
  const clock = { ...systemClock, wall: () => systemClock.wall() + aheadMs };
  const expiresAt = new Date(clock.wall() + 600_000).toISOString();
  const narrowed = {
    open: {},
    chat: { scopes: { routes: ['openai.chat'] } },
    other: { scopes: { models: ['another'] } },
    here: { scopes: { addresses: ['127.0.0.0/8'] } },
    away: { scopes: { addresses: ['192.0.2.0/24'] } },
    ending: { expiresAt },
  };
  const keys = Object.entries(narrowed).map(([name, rest]) => ({ name, key: keyOf(name), ...rest }));
  const { ask, gateway, close } = await openTestAdmin({ clock, config: { keys } });
  t.after(close);
  const statuses = async (name: string) => {
    const headers = { authorization: `Bearer ${keyOf(name)}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: 'hi' }] });
    const chat = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body });
    const models = await fetch(`${gateway.url}/v1/models`, { headers });
    await Promise.all([chat.text(), models.text()]);
    return [chat.status, models.status];
  };
  assert.deepEqual(await statuses('open'), [200, 200]);
  assert.deepEqual(await statuses('chat'), [200, 403]);
  assert.deepEqual(await statuses('other'), [403, 200]);
  assert.deepEqual(await statuses('here'), [200, 200]);
  assert.deepEqual(await statuses('away'), [403, 403]);
  assert.deepEqual(await statuses('ending'), [200, 200]);
  aheadMs = 600_000;
  assert.deepEqual(await statuses('ending'), [401, 401]);
  assert.deepEqual(await statuses('open'), [200, 200]);
  const { body } = await ask('configured-keys');
  const told = body.keys.find(({ name }: { name: string }) => name === 'ending');
  assert.deepEqual([told.expiresAt, told.scopes], [expiresAt, never]);
});
