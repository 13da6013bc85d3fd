/** A configuration with the secrets that lie elsewhere: in Vault, at AWS, in the store. Lives over reloads. */
import { readFile } from 'node:fs/promises';
import { openMasterKeys, readMasterKeys } from '../identity/master-keys.ts';
import { makeFolder } from '../identity/own-secrets.ts';
import type { Clock } from '../lib/clock.ts';
import type { KeyRing } from '../lib/seal.ts';
import { isRemoteReference } from '../lib/secret-reference.ts';
import { createDialer } from '../net/dialer.ts';
import { createAws } from '../secrets/aws.ts';
import { type Fetched, type FetchOptions, fetchSecrets, readTimeoutMs } from '../secrets/fetch-secrets.ts';
import { keepSecrets, readKeptSecrets } from '../secrets/kept-secrets.ts';
import type { SecretSource } from '../secrets/secret-source.ts';
import { createVault } from '../secrets/vault.ts';
import { completeConfig, idOf, type LoadedConfig, type ReadConfig } from './load.ts';
import type { Problem } from './problem.ts';
import { reasonOf } from './read-files.ts';
import type { Config } from './schema.ts';
import { referencesIn, resolveSecrets } from './secrets.ts';
import { createStoreSource, type StorePlace } from './store-source.ts';

export interface RemoteSecretsOptions {
  readonly clock: Clock;
  /** Whether what was read is kept, sealed, in the data folder for the next start: the gateway does, verbs only read. */
  readonly keeps: boolean;
}

type Values = Map<string, Fetched>;
type NoSource = { readonly problem: string };

export class RemoteSecrets {
  readonly #options: RemoteSecretsOptions;
  readonly #dialer;
  /** The source, and the options that it was made of: its token outlives a reload that changes nothing of it. */
  #vault: { readonly id: string; readonly source: SecretSource } | undefined;
  #hasLoaded = false;

  constructor(options: RemoteSecretsOptions) {
    this.#options = options;
    this.#dialer = createDialer({ clock: options.clock });
  }

  /** Throws `ConfigError` with everything that is wrong, what could not be read included. */
  async complete(read: ReadConfig, use: 'in force' | 'proposed' = 'in force'): Promise<LoadedConfig> {
    const references = [...referencesIn(read.config)].filter(isRemoteReference);
    const values: Values = new Map();
    const inStore = references.filter((text) => text.startsWith('store:'));
    await this.#fetchFar(read, new Set(references.filter((text) => !inStore.includes(text))), values);
    const warnings = await this.#standIn(read, values);
    const masterKeys = await this.#masterKeys(read, values);
    if (inStore.length > 0) {
      await this.#fetchStored(read, { references: new Set(inStore), values, masterKeys });
      warnings.push(...(await this.#standIn(read, values)));
    }
    const loaded = completeConfig(read, values);
    // The next start needs those of what is in force.
    if (use === 'proposed') return loaded;
    if (warnings.length === 0) warnings.push(...(await this.#keep(loaded, values)));
    this.#hasLoaded = true;
    return { ...loaded, warnings: [...loaded.warnings, ...warnings] };
  }

  /** The way to the store and what opens it, or what is wrong with that. */
  async findStore(
    read: ReadConfig,
  ): Promise<{ readonly place: StorePlace | undefined; readonly problems: readonly Problem[] }> {
    const { config } = read;
    const references = [...referencesIn([config.secrets, config.store])].filter(isRemoteReference);
    const values: Values = new Map();
    await this.#fetchFar(read, new Set(references), values);
    const { value: store, problems } = resolveIn(read, values, 'store');
    problems.push(...resolveIn(read, values, 'secrets').problems);
    if (problems.length > 0) return { place: undefined, problems };
    const masterKeys = await this.#masterKeys(read, values);
    const { clock } = this.#options;
    return {
      place: masterKeys && { store, dataDir: config.data, masterKeys, clock },
      problems: masterKeys === undefined ? [spoilt(read)] : [],
    };
  }

  async close(): Promise<void> {
    await this.#vault?.source.close();
  }

  async #fetchFar(read: ReadConfig, references: ReadonlySet<string>, values: Values): Promise<void> {
    const { clock } = this.#options;
    // What opens the others cannot lie with them.
    const { value, problems } = resolveIn(read, new Map(), 'secrets');
    const wrong = problems.find(({ path }) => path.startsWith('secrets.vault'));
    const vaultSource =
      wrong === undefined
        ? await this.#openVault(value.vault)
        : { problem: `${wrong.path}: ${wrong.message}` };
    const awsSource = createAws(value.aws, { timeoutMs: readTimeoutMs });
    try {
      const source: FetchOptions['source'] = (kind) => (kind === 'vault' ? vaultSource : awsSource);
      merge(values, await fetchSecrets(references, { clock, source }));
    } finally {
      await awsSource.close();
    }
  }

  async #openVault(options: Config['secrets']['vault']): Promise<SecretSource | NoSource> {
    if (options === undefined) return { problem: 'secrets.vault must say where Vault is and how to log in' };
    const ca = options.ca === undefined ? undefined : await readText(options.ca);
    if (typeof ca === 'object') return ca;
    const id = idOf([options, ca]);
    if (this.#vault?.id === id) return this.#vault.source;
    await this.#vault?.source.close();
    const { clock } = this.#options;
    const source = createVault(options, { dialer: this.#dialer, clock, ca, timeoutMs: readTimeoutMs });
    this.#vault = { id, source };
    return source;
  }

  async #fetchStored(
    read: ReadConfig,
    stored: { references: ReadonlySet<string>; values: Values; masterKeys: KeyRing | undefined },
  ): Promise<void> {
    const { references, values, masterKeys } = stored;
    const { clock } = this.#options;
    const { value: store, problems } = resolveIn(read, values, 'store');
    const dataDir = read.config.data;
    const source =
      problems.length > 0
        ? { problem: 'the store cannot be opened before its address is known' }
        : createStoreSource({ store, dataDir, masterKeys, clock });
    try {
      merge(values, await fetchSecrets(references, { clock, source: () => source }));
    } finally {
      if (!('problem' in source)) await source.close();
    }
  }

  /** Nothing where it cannot be known: whatever needs it says so. */
  async #masterKeys(read: ReadConfig, values: Values): Promise<KeyRing | undefined> {
    const { value: secrets, problems } = resolveIn(read, values, 'secrets');
    if (problems.length > 0) return undefined;
    const open = this.#options.keeps ? openMasterKeys : readMasterKeys;
    return await open(secrets, read.config.data).catch(() => undefined);
  }

  /** At a start, what was kept stands in for what nobody can be asked for. Tells of it. At a reload, what is stays. */
  async #standIn(read: ReadConfig, values: Values): Promise<string[]> {
    const missing = [...values].flatMap(([text, found]) =>
      'problem' in found && found.away ? [{ text, problem: found.problem }] : [],
    );
    const [first] = missing;
    if (first === undefined || this.#hasLoaded) return [];
    const masterKeys = await this.#masterKeys(read, values);
    const kept = masterKeys && (await readKeptSecrets(read.config.data, masterKeys));
    if (kept === undefined) return [];
    const stood = missing.filter(({ text }) => {
      const value = kept.values.get(text);
      if (value !== undefined) values.set(text, { text: value });
      return value !== undefined;
    });
    if (stood.length === 0) return [];
    const names = stood.slice(0, namesMax).map(({ text }) => text);
    const more = stood.length > namesMax ? ` and ${stood.length - namesMax} more` : '';
    const when = new Date(kept.atMs).toISOString();
    return [`${first.problem}: what was read at ${when} is used for ${names.join(', ')}${more}`];
  }

  /** A disk that takes nothing is no reason to refuse a configuration: the next start may need Vault then. */
  async #keep({ config }: LoadedConfig, values: Values): Promise<string[]> {
    if (!this.#options.keeps) return [];
    const texts = [...values].flatMap(([name, found]) =>
      'text' in found ? [[name, found.text] as const] : [],
    );
    try {
      await makeFolder(config.data);
      const masterKeys = await openMasterKeys(config.secrets, config.data);
      await keepSecrets(config.data, masterKeys, {
        atMs: this.#options.clock.wall(),
        values: new Map(texts),
      });
      return [];
    } catch (thrown) {
      return [`secrets that were read cannot be kept for the next start: ${config.data} ${reasonOf(thrown)}`];
    }
  }
}

const namesMax = 5;

function merge(values: Values, found: ReadonlyMap<string, Fetched>): void {
  for (const [text, value] of found) values.set(text, value);
}

/** One part of the configuration with its secrets, as far as they are known by now. */
function resolveIn<Key extends 'secrets' | 'store'>(
  { config, root, environment }: ReadConfig,
  fetched: ReadonlyMap<string, Fetched>,
  key: Key,
): { readonly value: Config[Key]; readonly problems: Problem[] } {
  const problems: Problem[] = [];
  const value = resolveSecrets(
    config[key],
    { root, environment, fetched, problems, literals: [], files: new Set() },
    [key],
  );
  return { value, problems };
}

function spoilt({ root }: ReadConfig): Problem {
  const message = 'there is no master key that can be used: see secrets.masterKey and the data folder';
  return { ...root.place, path: 'secrets', message };
}

async function readText(path: string): Promise<string | NoSource> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    return { problem: `${path} ${reasonOf(thrown)}` };
  }
}
