/** One change of each kind, by the admin API, while none can be written down. */
import assert from 'node:assert/strict';
import type { Asked } from '../admin-rig.ts';

export type Ask = (
  path: string,
  given?: { method?: string; body?: unknown },
) => Promise<Pick<Asked, 'status' | 'body'>>;

const readable = ['status', 'config', 'users', 'users/ada', 'keys', 'usage', 'audit?limit=1'];
/** Of a database that is away nothing can be read either. */
export const readableWithoutStore: readonly string[] = ['status', 'config'];

/** All are refused as our outage, and what only reads goes on. */
export async function assertNothingChanges(ask: Ask, read: readonly string[] = readable): Promise<void> {
  for (const [method, path, body] of [
    ['POST', 'tenants', { name: 'unseen' }],
    ['POST', 'keys', { name: 'unseen' }],
    ['DELETE', 'users/ada', undefined],
    ['PUT', 'secrets/unseen', { value: 'never-kept' }],
  ] as const) {
    const refused = await ask(path, { method, body });
    const what = `${method} ${path}: ${JSON.stringify(refused.body)}`;
    assert.deepEqual([refused.status, refused.body.code], [503, 'dependency_unavailable'], what);
  }
  for (const path of read) assert.equal((await ask(path)).status, 200, path);
}

/** Afterwards: nothing of it was done, and the chain is whole. */
export async function assertOnlyAda(ask: Ask): Promise<void> {
  assert.equal((await ask('users/ada')).status, 200);
  for (const path of ['tenants/unseen', 'keys/unseen']) assert.equal((await ask(path)).status, 404, path);
  assert.deepEqual((await ask('secrets')).body.items, []);
  const verdict = await ask('audit/verify');
  assert.equal(verdict.body.sound, true, JSON.stringify(verdict.body));
}
