import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gathering } from './gathering.ts';
import type { AdminCall } from './route.ts';
import { probeRoutes } from './state-routes.ts';

test('a probe is answered within its second, whichever worker hangs, and never with what a key is narrowed to', async () => {
  const gateway = {} as Parameters<typeof probeRoutes>[0]['gateway'];
  const [readyz] = probeRoutes({ gateway }).filter(({ name }) => name === 'readyz');
  assert.ok(readyz !== undefined);
  const asked: unknown[] = [];
  const [row] = gathering([readyz], {
    askRow: async (name, call, timeoutMs) => {
      asked.push([name, (call as AdminCall).actor, timeoutMs < 1_000]);
      return [{ worker: 2, answer: { status: 200, body: { status: 'ready', degraded: [] } } }];
    },
  });
  const actor = { name: 'near', tenant: 'home', team: '', user: '', role: 'viewer', how: 'key' } as const;
  const scopes = { allowsAddress: () => true };
  const answer = await row?.handle({ actor: { ...actor, scopes } } as unknown as AdminCall);
  assert.equal(answer?.status, 200);
  assert.deepEqual(asked, [['readyz', actor, true]]);
});
