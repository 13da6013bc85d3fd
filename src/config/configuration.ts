/** Where the running gateway's configuration comes from, again at each reload: file, environment, discovery. */
import type { Clock } from '../lib/clock.ts';
import { type Discovered, discover } from './discover.ts';
import type { Environment } from './expand.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

export interface ConfigurationOptions {
  readonly path?: string;
  readonly environment: Environment;
  readonly clock: Clock;
}

export class Configuration {
  readonly #options: ConfigurationOptions;
  /** Kept over reloads: a server that is away for a moment must not vanish from the configuration. */
  #discovered: Discovered | undefined;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
  }

  /** What was found, if it had to be looked for. */
  get discovered(): Discovered | undefined {
    return this.#discovered;
  }

  /** Throws `ConfigError` with everything that is wrong. */
  async load(): Promise<LoadedConfig> {
    const { path, environment, clock } = this.#options;
    const options = { env: environment, ...(path === undefined ? {} : { path }) };
    const loaded = loadConfig(options);
    if (Object.keys(loaded.config.upstreams).length > 0) return loaded;
    const listen = loaded.config.listen.address;
    this.#discovered ??= await discover({ environment, clock, listen });
    return loadConfig({ ...options, discovered: this.#discovered });
  }
}
