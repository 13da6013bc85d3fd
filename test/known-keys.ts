/** Keys of one tenant as a gateway that is alone knows them in memory, and what their holders have. */
import { createDigester } from '../src/identity/digester.ts';
import { KeyIndex } from '../src/identity/key-index.ts';
import { newKey } from '../src/identity/key-rules.ts';
import { StoredKeys } from '../src/identity/stored-keys.ts';
import { createHeldClock } from './held-clock.ts';

export interface KnownKeys {
  readonly keys: StoredKeys;
  readonly made: readonly string[];
}

export function makeKnownKeys(count: number): KnownKeys {
  const digester = createDigester('a pepper of thirty-two characters');
  const index = new KeyIndex(() => () => true);
  const keys = new StoredKeys({
    clock: createHeldClock(),
    index,
    digester,
    knownForMs: 900_000,
    unknown: { ask: () => undefined, assertTold: () => undefined },
  });
  const scopes = { models: [], routes: [], addresses: [] };
  const common = { version: 1, createdAtMs: 0, active: true };
  const made = Array.from({ length: count }, (_, at) => {
    const asked = { tenant: 'default', name: `key-${at}`, team: '', user: '', expiresAtMs: 0, scopes };
    return newKey({ ...asked, role: 'developer' }, { digest: digester.digest, nowMs: 0 });
  });
  const tenant = { kind: 'tenant', tenant: 'default', name: '', keepContentDays: 0, ...common } as const;
  keys.apply({ entries: [tenant, ...made.map(({ draft }) => ({ ...draft, ...common }))], gone: [] });
  keys.confirm(Number.POSITIVE_INFINITY);
  return { keys, made: made.map(({ key }) => key) };
}
