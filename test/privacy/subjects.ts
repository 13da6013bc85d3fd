/** People of two tenants who say things, for tests of what is kept of them. */
import assert from 'node:assert/strict';
import type { Asked } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import type { TestGateway } from '../gateway.ts';

export type AskAdmin = (
  path: string,
  given?: { as?: string; method?: string; body?: unknown; headers?: Readonly<Record<string, string>> },
) => Promise<Asked>;

export interface Person {
  readonly tenant: string;
  readonly user: string;
  readonly key: string;
  /** A word that nobody else says. */
  readonly canary: string;
}

/** Through the admin API, with a key of their own. */
export async function makePerson(
  ask: AskAdmin,
  { tenant, user }: Pick<Person, 'tenant' | 'user'>,
): Promise<Person> {
  const at = `?tenant=${tenant}`;
  assert.ok([201, 409].includes((await ask('tenants', { method: 'POST', body: { name: tenant } })).status));
  const made = await ask(`users${at}`, { method: 'POST', body: { name: user } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const key = await ask(`keys${at}`, { method: 'POST', body: { name: `${user}-laptop`, user } });
  assert.equal(key.status, 201, JSON.stringify(key.body));
  return { tenant, user, key: key.body.key, canary: `canary-${tenant}-${user}-${crypto.randomUUID()}` };
}

/** Begins a conversation, and asks once with an `Idempotency-Key`. Gives the conversation's id. */
export async function say({ url }: Pick<TestGateway, 'url'>, { key, canary, user }: Person): Promise<string> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const begun = await fetch(`${url}/chat`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ message: canary }),
  });
  const { conversation_id: id, ...rest } = (await begun.json()) as { conversation_id: string };
  assert.equal(begun.status, 200, JSON.stringify(rest));
  const once = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'idempotency-key': `once-${user}` },
    body: JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: canary }] }),
  });
  assert.equal(once.status, 200, await once.text());
  return id;
}

/** What anybody can see of somebody's use. */
export async function exchangesOf(
  { gateway }: TestGateway,
  where: Readonly<Record<string, string>>,
): Promise<number> {
  const question = { fromDay: '2020-01-01', toDay: '2100-01-01', by: [], rowsMax: 1 } as const;
  const [sum] = await gateway.lasting.store.ledger.sum({ ...question, where });
  return sum?.exchanges ?? 0;
}

export async function shipped(gateway: TestGateway, { tenant, user }: Person, count: number): Promise<void> {
  await until(`what ${user} of ${tenant} said is in the ledger`, async () => {
    return (await exchangesOf(gateway, { tenant, user })) === count;
  });
}
