/** Where the running gateway's configuration comes from, again at each reload: file, environment, discovery. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, systemClock } from '../lib/clock.ts';
import { isRemoteReference } from '../lib/secret-reference.ts';
import { type Discovered, discover } from './discover.ts';
import type { Environment } from './expand.ts';
import {
  completeConfig,
  judgeConfig,
  type LoadedConfig,
  type LoadOptions,
  type ReadConfig,
  readConfig,
} from './load.ts';
import type { RemoteSecrets } from './remote-secrets.ts';
import { referencesIn } from './secrets.ts';
import { type AppliedText, type Choose, readSources } from './sources.ts';
import { TextsAside } from './yaml-aside.ts';

export interface ConfigurationOptions {
  readonly path?: string;
  /** Without a path: the file to look for at each load. It may be written while the gateway runs. */
  readonly usualPath?: string;
  readonly environment: Environment;
  readonly clock: Clock;
  /** Whether secrets that lie elsewhere are kept, sealed, in the data folder for the next start. */
  readonly keepsSecrets?: boolean;
}

/** Told what was read before anything that it refers to is looked up. May throw. */
export type Inspect = (read: ReadConfig) => void;

/**
 * For verbs: as the files and the environment say, with what secrets elsewhere lead to, and without discovery. Throws
 * `ConfigError`.
 */
export async function loadOnce(environment: Environment, path: string | undefined): Promise<LoadedConfig> {
  const read = readConfig({ env: environment, ...(path === undefined ? {} : { path }) });
  if (![...referencesIn(read.config)].some(isRemoteReference)) return completeConfig(read, new Map());
  const { RemoteSecrets } = await import('./remote-secrets.ts');
  const remote = new RemoteSecrets({ clock: systemClock, keeps: false });
  try {
    return await remote.complete(read);
  } finally {
    await remote.close();
  }
}

export class Configuration {
  readonly #options: ConfigurationOptions;
  /** Kept over reloads: a server that is away for a moment must not vanish from the configuration. */
  #discovered: Discovered | undefined;
  /** Kept from when it is found: a file that vanishes is a problem to be told, not a wish for the defaults. */
  #path: string | undefined;
  /** Loaded by whoever has secrets that lie elsewhere. Kept over reloads: it is logged in. */
  #remote: RemoteSecrets | undefined;
  #refersElsewhere = false;
  /** What was read to find the data folder: the first load need not read it again. */
  #first: ReadConfig | undefined;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
    this.#path = options.path;
  }

  /** The file in use, if there is one. */
  get path(): string | undefined {
    return this.#path;
  }

  /** What was found, if it had to be looked for. */
  get discovered(): Discovered | undefined {
    return this.#discovered;
  }

  /** The folder for what the gateway keeps, whatever else is wrong. */
  get data(): string {
    this.#first ??= readConfig(this.#loadOptions());
    return this.#first.config.data;
  }

  /** By the files alone, or by what was applied over them where `choose` says so. Throws `ConfigError` with everything that is wrong. */
  async load(choose?: Choose): Promise<LoadedConfig> {
    const read = await this.#read(choose, () => {});
    this.#refersElsewhere = referencesIn(read.config).size > 0;
    return this.#withAwaited(await this.#complete(read, 'in force'));
  }

  /** As `load` would with this text: what was read for the next start stays what it is. */
  async propose(text: AppliedText, inspect: Inspect): Promise<LoadedConfig> {
    const read = await this.#read(() => text, inspect);
    return this.#withAwaited(await this.#complete(read, 'proposed'));
  }

  async #read(choose: Choose | undefined, inspect: Inspect): Promise<ReadConfig> {
    const { environment, clock } = this.#options;
    const options = { ...this.#loadOptions(), ...(choose === undefined ? {} : { choose }) };
    const first = this.#first;
    this.#first = undefined;
    const isFirst = first !== undefined && choose?.(first.sources.half.fileDigest) === undefined;
    const read = isFirst ? first : await readAside(options);
    await turn();
    inspect(read);
    const hasUpstreams = Object.keys(read.config.upstreams).length > 0;
    if (hasUpstreams || read.problems.length > 0) return read;
    const listen = read.config.listen.address;
    this.#discovered ??= await discover({ environment, clock, listen });
    return await readAside({ ...options, discovered: this.#discovered });
  }

  /** Whether secrets lie elsewhere than in the configuration's own files: they may change when none of those does. */
  get refersElsewhere(): boolean {
    return this.#refersElsewhere;
  }

  /** Lets go of whoever was asked for secrets. */
  async close(): Promise<void> {
    await this.#remote?.close();
  }

  #loadOptions(): LoadOptions {
    const { usualPath, environment } = this.#options;
    if (usualPath !== undefined && existsSync(usualPath)) this.#path ??= usualPath;
    return { env: environment, ...(this.#path === undefined ? {} : { path: this.#path }) };
  }

  async #complete(read: ReadConfig, use: 'in force' | 'proposed'): Promise<LoadedConfig> {
    await turn();
    const references = [...referencesIn(read.config)];
    if (!references.some(isRemoteReference)) return completeConfig(read, new Map());
    if (this.#remote === undefined) {
      const { RemoteSecrets } = await import('./remote-secrets.ts');
      const { clock, keepsSecrets: keeps = false } = this.#options;
      this.#remote = new RemoteSecrets({ clock, keeps });
    }
    return await this.#remote.complete(read, use);
  }

  /** The file that is looked for is one whose change is a change of the configuration. */
  #withAwaited(loaded: LoadedConfig): LoadedConfig {
    const { usualPath } = this.#options;
    if (this.#path !== undefined || usualPath === undefined) return loaded;
    return { ...loaded, files: [resolve(usualPath)] };
  }
}

/** While others are served: in steps, and the longest of them elsewhere. */
async function readAside(options: LoadOptions): Promise<ReadConfig> {
  const texts = new TextsAside();
  const sources = await texts.during((readYaml) => readSources({ ...options, readYaml }));
  await turn();
  return await texts.during((readYaml) => judgeConfig(sources, { ...options, readYaml }));
}
