/** Keys in the store, as the admin API makes them, and requests that carry them. */
import type { DirectoryDraft, DirectoryPlace, KeyEntry } from '../src/core/directory.ts';
import { type AskedKey, newKey, rotatedKey } from '../src/identity/key-rules.ts';
import type { TestGateway } from './gateway.ts';

const asked: AskedKey = {
  tenant: 'default',
  name: 'ci',
  team: '',
  user: '',
  role: 'developer',
  expiresAtMs: 0,
  scopes: { models: [], routes: [], addresses: [] },
};

/** Gives the key. */
export async function makeStoredKey(
  { gateway }: TestGateway,
  changed: Partial<AskedKey> & { readonly name: string },
): Promise<string> {
  const { followed, clock } = gateway.lasting;
  const { digest } = await followed.digester();
  const { key, draft } = newKey({ ...asked, ...changed }, { digest, nowMs: clock.wall() });
  await followed.directory.put(draft, 0);
  return key;
}

export async function rotateStoredKey(
  { gateway }: TestGateway,
  name: string,
  overlapMs: number,
): Promise<string> {
  const { followed, clock } = gateway.lasting;
  const { digest } = await followed.digester();
  const entry = (await followed.directory.find(placeOf(name))) as KeyEntry;
  const { key, draft } = rotatedKey(entry, overlapMs, { digest, nowMs: clock.wall() });
  await followed.directory.put(draft, entry.version);
  return key;
}

export function revoke({ gateway }: TestGateway, name: string): Promise<boolean> {
  return gateway.lasting.followed.directory.remove(placeOf(name));
}

export function put({ gateway }: TestGateway, draft: DirectoryDraft): Promise<unknown> {
  return gateway.lasting.followed.directory.put(draft);
}

export function placeOf(name: string): DirectoryPlace {
  return { kind: 'key', tenant: 'default', name };
}

/** The status of a request that needs a key and no model. */
export async function statusWith({ url }: { readonly url: string }, key: string): Promise<number> {
  return (await askWith({ url }, key)).status;
}

export async function askWith({ url }: { readonly url: string }, key: string): Promise<Response> {
  const reply = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  await reply.clone().arrayBuffer();
  return reply;
}
