/** `millrace check`: every problem of a configuration at once, with its place. */

import { loadOnce } from '../config/configuration.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import type { LoadedConfig } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { configFile } from './config-file.ts';
import { flagOption, type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  if (flagOption(given, 'schema')) {
    invocation.write(JSON.stringify(configJsonSchema(), undefined, 2));
    return 0;
  }
  const path = configFile(textOption(given, 'config'));
  const json = flagOption(given, 'json');
  try {
    const loaded = await loadOnce(invocation.environment, path);
    if (json) invocation.write(JSON.stringify({ ok: true, problems: [], ...factsOf(loaded) }));
    else tellGood(invocation, loaded, path);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    if (json) invocation.write(JSON.stringify({ ok: false, problems: thrown.problems }));
    else for (const problem of thrown.problems) invocation.warn(formatProblem(problem));
    return 2;
  }
}

function factsOf({ id, files, warnings }: LoadedConfig) {
  return { configId: id, files, warnings };
}

function tellGood(invocation: Invocation, loaded: LoadedConfig, path: string | undefined): void {
  for (const warning of loaded.warnings) invocation.warn(`! ${warning}`);
  const { upstreams, models, keys } = loaded.config;
  const parts = [
    count(Object.keys(upstreams).length, 'upstream'),
    count(Object.keys(models).length, 'model'),
    count(keys.length, 'key'),
  ];
  const what = path ?? 'the defaults (there is no millrace.yaml here)';
  invocation.write(`${what}: right, with ${parts.join(', ')}`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
