/** Where the gateway that a verb means is to be found: by the configuration, by what the last start wrote, by flags. */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { loadOnce } from '../config/configuration.ts';
import type { LoadedConfig } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { hasCode } from '../lib/has-code.ts';
import { type Trust, trustOnly } from '../net/own-certificate.ts';
import { certificateCopies } from '../wiring/kept-certificate.ts';
import { urlOf } from './banner.ts';
import { configFile } from './config-file.ts';
import { type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { readRunningFile } from './running-file.ts';
import { Trouble } from './trouble.ts';

export interface Whereabouts {
  readonly folder: string;
  readonly admin: string;
  readonly clients: string;
  /** Absent while the configuration is broken. */
  readonly config: Config | undefined;
}

/** A configuration that is broken at this moment must not hide the gateway that runs by the one before. */
export async function findGateway(invocation: Invocation, given: Given): Promise<Whereabouts> {
  const path = configFile(textOption(given, 'config'));
  try {
    const { config } = await load(invocation, path);
    const running = await readRunningFile(config.data);
    const { listen, admin, data } = config;
    return {
      folder: data,
      config,
      admin: running?.admin ?? urlOf(admin.listen.host, admin.listen.port, admin.tls),
      clients: running?.clients ?? urlOf(listen.address.host, listen.address.port, listen.tls),
    };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const folder = resolve(path === undefined ? '.' : dirname(path), '.millrace');
    const running = await readRunningFile(folder);
    if (running === undefined) throw asTrouble(thrown, notFoundBy);
    return { folder, config: undefined, admin: running.admin, clients: running.clients };
  }
}

/** For verbs that need the configuration itself: all of its problems, and exit code 2. */
export async function loadForVerb(invocation: Invocation, given: Given): Promise<LoadedConfig> {
  try {
    return await load(invocation, configFile(textOption(given, 'config')));
  } catch (thrown) {
    throw thrown instanceof ConfigError ? asTrouble(thrown) : thrown;
  }
}

/** How to recognise a listener of our own gateway: it may show a certificate for another name than loopback's. */
export async function readTrust(
  folder: string,
  listener: keyof typeof certificateCopies,
  url: string,
): Promise<{ readonly trust?: Trust }> {
  const pem = url.startsWith('https:') ? await readSecret(folder, certificateCopies[listener]) : undefined;
  return pem === undefined ? {} : { trust: trustOnly(pem) };
}

/** A secret that the gateway keeps in its data folder; nothing before its first start. */
export async function readSecret(folder: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, name), 'utf8')).trim();
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw new Trouble(`${join(folder, name)} cannot be read: it belongs to the user that runs the gateway`, {
      cause: thrown,
    });
  }
}

function load(invocation: Invocation, path: string | undefined): Promise<LoadedConfig> {
  return loadOnce(invocation.environment, path);
}

/** A gateway that was started with more in its environment may well run. */
const notFoundBy =
  'so a running gateway cannot be found by it: correct it, set the variables that it names, or say --admin URL and --token';

function asTrouble(error: ConfigError, ...hints: readonly string[]): Trouble {
  const lines = [...error.problems.map(formatProblem), ...hints];
  return new Trouble(lines.join('\n'), { cause: error, exitCode: 2 });
}
