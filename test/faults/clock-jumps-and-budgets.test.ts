// A wall clock that jumps gives nobody anything twice, and a day that is over frees its budget once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { openTestGateway } from '../gateway.ts';
import { chat, settled, spendingConfig, tokenNanoUsd, usdFor } from '../security/spending-rig.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { until } from './rig.ts';

const noonMs = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;

test('G11: an hour on, what is under way is still set aside; a day on, there is a new budget, and the old exchange is not in it', async (t) => {
  const llm = await openFakeLlm({ usage: { prompt: 1, completion: 60 } });
  t.after(() => llm.close());
  let wallMs = noonMs;
  const budgets = [{ per: 'tenant', usd: usdFor(100), window: 'day' }];
  const gateway = await openTestGateway({
    config: spendingConfig(llm.port, { budgets }),
    clock: { ...systemClock, wall: () => wallMs },
  });
  t.after(() => gateway.close());
  const ask = async () => (await chat(gateway, { fields: { max_tokens: 60 } })).status;
  const standing = async () => (await gateway.gateway.snapshot.budgets.standings())[0];

  llm.scriptNext({ firstTokenMs: 400 });
  const slow = ask();
  await until('it is under way', async () => (await standing())?.reserved === 60 * tokenNanoUsd);
  wallMs += hourMs;
  assert.equal(await ask(), 429);
  assert.equal(await slow, 200);
  assert.equal((await settled(gateway)).spent, 60 * tokenNanoUsd);
  assert.equal(await ask(), 429);
  wallMs -= 2 * hourMs;
  assert.equal(await ask(), 429, 'nor is there more when it goes back');

  wallMs += 24 * hourMs;
  llm.scriptNext({ firstTokenMs: 400 });
  const late = ask();
  await until(
    'it is set aside from the new day',
    async () => (await standing())?.reserved === 60 * tokenNanoUsd,
  );
  wallMs += 24 * hourMs;
  assert.equal(await late, 200);
  assert.equal(await ask(), 200);
  assert.equal((await settled(gateway)).spent, 60 * tokenNanoUsd, 'the late one belongs to the day before');
});
