/** The store's secrets for whoever has to change them before a gateway can start: of a configuration, only what leads there. */
import { systemClock } from '../lib/clock.ts';
import type { Environment } from './expand.ts';
import { readConfig } from './load.ts';
import { ConfigError } from './problem.ts';
import { RemoteSecrets } from './remote-secrets.ts';
import { type OpenedStore, openStoredSecrets } from './store-source.ts';

export interface OpenedSecrets extends OpenedStore {
  readonly homeTenant: string;
  now(): number;
}

/** Throws `ConfigError` where the way to the store is not known. What else is wrong with the configuration does not matter. */
export async function openSecretsOf(
  environment: Environment,
  path: string | undefined,
): Promise<OpenedSecrets> {
  const read = readConfig({ env: environment, ...(path === undefined ? {} : { path }) });
  const remote = new RemoteSecrets({ clock: systemClock, keeps: true });
  try {
    const { place, problems } = await remote.findStore(read);
    if (place === undefined) throw new ConfigError(problems);
    const opened = await openStoredSecrets(place);
    return { ...opened, homeTenant: read.config.identity.homeTenant, now: () => systemClock.wall() };
  } finally {
    await remote.close();
  }
}
