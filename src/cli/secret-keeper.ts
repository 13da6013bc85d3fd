/**
 * Who keeps the secrets: the running gateway, which tells its replicas; or, where none runs, this process in the
 * gateway's own store, because a configuration that refers to a secret cannot start before the secret is there.
 */
import { z } from 'zod';
import { rotatedShape, secretShape, secretsShape } from '../admin/secret-shapes.ts';
import { type OpenedSecrets, openSecretsOf } from '../config/open-secrets.ts';
import type { SecretFacts } from '../stores/sql/secret-rows.ts';
import { rewrapDataKeys } from '../stores/wrapped-key.ts';
import { type AdminPlace, askAdmin, findAdmin } from './admin-client.ts';
import { askPages } from './admin-pages.ts';
import { configFile } from './config-file.ts';
import { type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { Trouble } from './trouble.ts';

export type SecretView = z.output<typeof secretShape>;
type Rotated = z.output<typeof rotatedShape>;

export interface SecretKeeper {
  list(): Promise<readonly SecretView[]>;
  set(name: string, value: string): Promise<SecretView>;
  remove(name: string): Promise<void>;
  /** Some data keys at a time, after the last ones. */
  rotate(after: Rotated['next']): Promise<Rotated>;
  close(): Promise<void>;
}

export async function openSecretKeeper(invocation: Invocation, given: Given): Promise<SecretKeeper> {
  const gateway = await findRunning(invocation, given);
  if (gateway !== undefined) return askingGateway(gateway);
  const path = configFile(textOption(given, 'config'));
  return inStore(await openSecretsOf(invocation.environment, path));
}

/** One that was named must answer; one that only might be there need not. */
async function findRunning(invocation: Invocation, given: Given): Promise<AdminPlace | undefined> {
  const named = textOption(given, 'admin') !== undefined;
  try {
    const place = await findAdmin(invocation, given);
    await askAdmin(place, { path: 'secrets', shape: secretsShape });
    return place;
  } catch (thrown) {
    const answered = thrown instanceof Trouble && thrown.answered;
    if (named || answered || !(thrown instanceof Trouble)) throw thrown;
    return undefined;
  }
}

function askingGateway(place: AdminPlace): SecretKeeper {
  const pathOf = (name: string) => `secrets/${encodeURIComponent(name)}`;
  return {
    list: async () => (await askPages(place, { path: 'secrets', item: secretShape, query: {} })).items,
    set: (name, value) =>
      askAdmin(place, { method: 'PUT', path: pathOf(name), body: { value }, shape: secretShape }),
    remove: async (name) => {
      await askAdmin(place, { method: 'DELETE', path: pathOf(name), shape: z.undefined() });
    },
    rotate: (after) =>
      askAdmin(place, { method: 'POST', path: 'secrets/rotate', body: { after }, shape: rotatedShape }),
    close: async () => {},
  };
}

const actor = 'command-line';

function inStore({ store, secrets, masterKeys, homeTenant, now, close }: OpenedSecrets): SecretKeeper {
  /** Written down before it is done, as the gateway does it (A9). */
  const audited = async <T>(action: string, object: string, work: () => Promise<T>): Promise<T> => {
    const act = { actor, tenant: homeTenant, address: '', action, object, detail: {} };
    await store.audit.append({ ...act, atMs: now(), outcome: 'begun' });
    const end = (outcome: 'done' | 'failed') => store.audit.append({ ...act, atMs: now(), outcome });
    try {
      const result = await work();
      await end('done');
      return result;
    } catch (thrown) {
      await end('failed');
      throw thrown;
    }
  };
  return {
    list: async () => (await secrets.list()).map(view),
    set: (name, value) =>
      audited('secrets.put', name, async () => view(await secrets.put(name, value, actor))),
    remove: (name) =>
      audited('secrets.remove', name, async () => {
        if (!(await secrets.remove(name))) throw new Trouble(`there is no secret ${name}`);
      }),
    rotate: (after) =>
      audited('secrets.rotate', masterKeys.current.id, async () => {
        const { rewrapped, left, next } = await rewrapDataKeys(store.dataKeys, masterKeys, after);
        return { rewrapped, left: [...left], next };
      }),
    close,
  };
}

function view({ name, version, updatedAtMs, updatedBy }: SecretFacts): SecretView {
  return { name, version, updatedAt: new Date(updatedAtMs).toISOString(), updatedBy };
}
