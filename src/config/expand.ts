/** `${VAR}` and `${VAR:-default}` in text values; `$${` stands for `${` itself. */
import type { Placed, PlacedEntry } from './placed.ts';
import { formatPath, type Problem } from './problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]{0,255})(?::-([^}]*))?\}|\$\{/g;

export function expand(node: Placed, environment: Environment, problems: Problem[]): Placed {
  if (node.kind === 'list') {
    return { ...node, items: node.items.map((item) => expand(item, environment, problems)) };
  }
  if (node.kind === 'map') {
    const entries = new Map<string, PlacedEntry>();
    for (const [key, entry] of node.entries) {
      entries.set(key, { ...entry, value: expand(entry.value, environment, problems) });
    }
    return { ...node, entries };
  }
  if (typeof node.value !== 'string' || !node.value.includes('${')) return node;
  const refuse = (message: string) => {
    problems.push({ ...node.place, path: formatPath(node.path), message });
    return '';
  };
  const value = node.value.replace(reference, (whole, name?: string, otherwise?: string) => {
    if (whole === '$${') return '${';
    if (name === undefined)
      return refuse(
        'a variable is malformed here; write `$' + '{NAME}`, or `$$' + '{` for the characters themselves',
      );
    const found = environment[name];
    if (otherwise !== undefined) return found === undefined || found === '' ? otherwise : found;
    return found ?? refuse(`the environment has no variable ${name}`);
  });
  return { ...node, value, loose: true };
}
