// A gateway that is killed owes what it had set aside: nothing that was under way comes back as money to spend.
import assert from 'node:assert/strict';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { spendingConfig, tokenNanoUsd, usdFor } from '../security/spending-rig.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { until } from './rig.ts';

interface Row {
  readonly outcome: string;
  readonly status: number;
  readonly outputTokens: number;
  readonly costUsd: number;
}

async function exchangesOf(gateway: RunningProcess): Promise<readonly Row[]> {
  const reply = await gateway.admin('exchanges');
  return ((await reply.json()) as { exchanges: readonly Row[] }).exchanges;
}

/** As if the machine had been off for an hour: a run is dead once nobody heard of it for a minute. */
async function longAgo(place: Place): Promise<void> {
  const spool = place.path('.millrace/spool');
  const atS = Date.now() / 1000 - 3_600;
  for (const file of await readdir(spool)) {
    if (file.endsWith('.alive')) await utimes(join(spool, file), atS, atS);
  }
}

test('G11, G21: kill -9 closes what was under way as lost, at what was reserved for it', async (t) => {
  const llm = await openFakeLlm({ usage: { prompt: 1, completion: 200 } });
  t.after(() => llm.close());
  await using place = await openPlace();
  const budgets = [{ per: 'tenant', usd: usdFor(1_000), window: 'total' }];
  await place.write('millrace.yaml', JSON.stringify(spendingConfig(llm.port, { budgets })));
  const first = await serve([], { place });
  t.after(() => first.stop('SIGKILL'));
  // On a busy machine the ledger may take longer to tell what was spent than a request waits: then it is asked again.
  const ask = async (gateway: RunningProcess, max_tokens: number) => {
    for (;;) {
      const reply = await gateway.chat({ model: 'm', max_tokens });
      if (reply.status !== 503) return reply;
    }
  };
  llm.scriptNext({ stallBeforeHead: true }, { stallBeforeHead: true });
  const cut = [ask(first, 400), ask(first, 400)].map((asked) => assert.rejects(asked));
  for (let sent = 0; sent < 2; sent += 1) {
    await llm.waitForRequest(({ path }) => path.endsWith('/chat/completions'));
  }
  assert.equal((await ask(first, 300)).status, 429, 'while it is under way it is set aside');
  await first.stop('SIGKILL');
  await Promise.all(cut);
  await longAgo(place);

  const second = await serve([], { place });
  t.after(() => second.stop('SIGKILL'));
  assert.equal((await ask(second, 300)).status, 429, 'nobody may spend it again');
  assert.equal((await ask(second, 200)).status, 200);
  await until(
    'all of them are in the ledger',
    async () => (await exchangesOf(second)).filter(({ status }) => status !== 503).length === 5,
  );
  const lost = (await exchangesOf(second)).filter(({ outcome }) => outcome === 'lost');
  assert.equal(lost.length, 2);
  for (const { outputTokens, costUsd } of lost) {
    assert.deepEqual([outputTokens, costUsd], [400, (400 * tokenNanoUsd) / 1e9]);
  }
});
