/** `millrace version`. */
import { version } from '../lib/version.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';

export function run(invocation: Invocation, given: Given): Promise<number> {
  const facts = { version, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
  invocation.write(
    flagOption(given, 'json')
      ? JSON.stringify(facts)
      : `millrace ${facts.version} (Node ${facts.node}, ${facts.platform})`,
  );
  return Promise.resolve(0);
}
