/** K1: a log that nobody takes, of a full disk (ENOSPC) or a reader that has left (EPIPE), ends and holds up nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { cleanEnvironment, main, openPlace, serve } from '../cli/gateway-process.ts';
import { until } from './rig.ts';

/** Lines enough for several writes. */
const requests = 60;

test('K1, EPIPE: when the reader of its log leaves, a gateway answers as before, and ends well when it is told to', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  const url = gateway.ready.clients;
  await assertServing(url, await gateway.key());
  gateway.child.stdout?.destroy();
  await assertServing(url, await gateway.key());
  await assertServing(url, await gateway.key());
  const { code, err } = await gateway.stop('SIGTERM');
  assert.deepEqual([code, err], [0, '']);
});

test('K1, ENOSPC: with its log on a full disk a gateway starts, answers, and ends well when it is told to', async (t) => {
  await using place = await openPlace();
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const child = spawn(process.execPath, [main, 'serve'], {
    cwd: place.folder,
    env: cleanEnvironment,
    stdio: ['ignore', full, 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  let url = '';
  await until('it says where it listens', async () => {
    const text = await place.read('.millrace/running.json').catch(() => '{}');
    url = (JSON.parse(text) as { clients?: string }).clients ?? '';
    return url !== '';
  });
  const key = (await readFile(place.path('.millrace/client-key'), 'utf8')).trim();
  await assertServing(url, key);
  await assertServing(url, key);
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

async function assertServing(url: string, key: string): Promise<void> {
  const codes = await Promise.all(
    Array.from({ length: requests }, async () => {
      const reply = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'simulator',
          max_tokens: 2,
          messages: [{ role: 'user', content: 'hi' }],
        }),
      });
      await reply.arrayBuffer();
      return reply.status;
    }),
  );
  assert.deepEqual([...new Set(codes)], [200]);
}
