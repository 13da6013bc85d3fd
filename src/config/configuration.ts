/** Where the running gateway's configuration comes from, again at each reload: file, environment, discovery. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { type Discovered, discover } from './discover.ts';
import type { Environment } from './expand.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

export interface ConfigurationOptions {
  readonly path?: string;
  /** Without a path: the file to look for at each load. It may be written while the gateway runs. */
  readonly usualPath?: string;
  readonly environment: Environment;
  readonly clock: Clock;
}

export class Configuration {
  readonly #options: ConfigurationOptions;
  /** Kept over reloads: a server that is away for a moment must not vanish from the configuration. */
  #discovered: Discovered | undefined;
  /** Kept from when it is found: a file that vanishes is a problem to be told, not a wish for the defaults. */
  #path: string | undefined;

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

  /** Throws `ConfigError` with everything that is wrong. */
  async load(): Promise<LoadedConfig> {
    const { usualPath, environment, clock } = this.#options;
    if (usualPath !== undefined && existsSync(usualPath)) this.#path ??= usualPath;
    const path = this.#path;
    const options = { env: environment, ...(path === undefined ? {} : { path }) };
    const loaded = loadConfig(options);
    if (Object.keys(loaded.config.upstreams).length > 0) return this.#withAwaited(loaded);
    const listen = loaded.config.listen.address;
    this.#discovered ??= await discover({ environment, clock, listen });
    return this.#withAwaited(loadConfig({ ...options, discovered: this.#discovered }));
  }

  /** The file that is looked for is one whose change is a change of the configuration. */
  #withAwaited(loaded: LoadedConfig): LoadedConfig {
    const { usualPath } = this.#options;
    if (this.#path !== undefined || usualPath === undefined) return loaded;
    return { ...loaded, files: [resolve(usualPath)] };
  }
}
