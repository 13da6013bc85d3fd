/** The configuration as a verb needs it: read, or every problem told and exit code 2. */
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { configFile } from './config-file.ts';
import { type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { Trouble } from './trouble.ts';

/** Without discovery: for verbs that look for a running gateway, not for its upstreams. */
export function loadForVerb(invocation: Invocation, given: Given): LoadedConfig {
  const path = configFile(textOption(given, 'config'));
  try {
    return loadConfig({ env: invocation.environment, ...(path === undefined ? {} : { path }) });
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    throw new Trouble(thrown.problems.map(formatProblem).join('\n'), { cause: thrown, exitCode: 2 });
  }
}
