/** What the environment adds to the files: `MILLRACE__QUEUE__PLACES=64`, and the variables of older gateways. */
import type { Environment } from './expand.ts';
import { schemasAt } from './json-schema.ts';
import { nodeAt, type Path, type Placed, type PlacedScalar, withNode } from './placed.ts';
import { formatPath, type Place } from './problem.ts';

const prefix = 'MILLRACE__';

export interface Overridden {
  readonly root: Placed;
  readonly warnings: readonly string[];
}

export function applyEnvironment(root: Placed, environment: Environment): Overridden {
  let tree = root;
  for (const name of Object.keys(environment).sort()) {
    const text = environment[name];
    if (!name.startsWith(prefix) || text === undefined) continue;
    const path = resolvePath(tree, name.slice(prefix.length).split('__'));
    tree = setScalar(tree, path, { name, value: text, loose: true });
  }
  return applyOlderVariables(tree, environment);
}

interface OlderVariable {
  readonly path: Path;
  readonly factor: number;
  /** What a file must not have set, where that is more than the key itself; and what stands beside it then. */
  readonly within?: { readonly path: Path; readonly beside: Readonly<Record<string, string>> };
  /** What must be set for it to be of use, and what is done without. */
  readonly needs?: { readonly path: Path; readonly says: string };
}

const olderVariables: Readonly<Record<string, OlderVariable>> = {
  KEEPALIVE_TIMEOUT: { path: ['listen', 'keepAliveMs'], factor: 1000 },
  WORKER_CONNECTIONS: { path: ['listen', 'connectionsMax'], factor: 1 },
  MAX_WORKERS: {
    path: ['workers'],
    factor: 1,
    needs: {
      path: ['shared'],
      says:
        'workers count limits and budgets together through Redis alone, so one process serves; ' +
        'set `shared: redis://HOST:PORT` for more',
    },
  },
  DAILY_BUDGET: {
    path: ['budgets', 0, 'usd'],
    factor: 1,
    within: { path: ['budgets'], beside: { per: 'global', window: 'day' } },
  },
};

/** These names are in use elsewhere too, so whatever is said in our own words has the last word over them. */
function applyOlderVariables(root: Placed, environment: Environment): Overridden {
  const warnings: string[] = [];
  let tree = root;
  for (const [name, variable] of Object.entries(olderVariables)) {
    const text = environment[name];
    if (text === undefined || text === '') continue;
    const whole = variable.within?.path ?? variable.path;
    if (nodeAt(tree, whole) !== undefined) {
      warnings.push(`${name} is not used: the configuration sets ${formatPath(whole)}`);
      continue;
    }
    const { needs } = variable;
    if (needs !== undefined && text !== '1' && nodeAt(tree, needs.path) === undefined) {
      warnings.push(`${name} is not used: ${needs.says}`);
      continue;
    }
    warnings.push(`${name} sets ${formatPath(variable.path)}`);
    tree = setOlder(tree, variable, { name, text });
  }
  return { root: tree, warnings };
}

function setOlder(
  root: Placed,
  variable: OlderVariable,
  { name, text }: { name: string; text: string },
): Placed {
  const { path, factor, within } = variable;
  const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) * factor : text;
  const beside = Object.entries(within?.beside ?? {});
  return beside.reduce(
    (tree, [key, fixed]) =>
      setScalar(tree, [...path.slice(0, -1), key], { name, value: fixed, loose: false }),
    setScalar(root, path, { name, value, loose: true }),
  );
}

function setScalar(
  root: Placed,
  path: Path,
  scalar: { name: string; value: string | number; loose: boolean },
): Placed {
  const place: Place = { file: scalar.name, line: 0, column: 0 };
  const address = withTextForm(root, path);
  const value: PlacedScalar = { kind: 'scalar', place, path, value: scalar.value, loose: scalar.loose };
  return withNode(address, path, { keyPlace: place, value });
}

/** What may be written in place of the map, by the key that it stands for. */
const alone: Readonly<Record<string, string>> = { listen: 'address', workers: 'count' };

/** `listen: HOST:PORT` becomes a map before another of its keys is set. */
function withTextForm(root: Placed, path: Path): Placed {
  const [first, second] = path;
  const node = first === undefined || second === undefined ? undefined : nodeAt(root, [first]);
  const key = alone[String(first)];
  if (first === undefined || key === undefined || node?.kind !== 'scalar' || node.value === null) return root;
  const entry = { keyPlace: node.place, value: node };
  const map: Placed = { kind: 'map', place: node.place, path: [first], entries: new Map([[key, entry]]) };
  return withNode(root, [first], { keyPlace: node.place, value: map });
}

/** Variables are upper case and keys are not: each step takes the key that it spells. */
function resolvePath(root: Placed, steps: readonly string[]): (string | number)[] {
  const path: (string | number)[] = [];
  for (const step of steps) {
    const schemas = schemasAt(root, path);
    const node = nodeAt(root, path);
    const listed = node?.kind === 'list' || schemas.some((schema) => schema.items !== undefined);
    const known = schemas.flatMap((schema) => Object.keys(schema.properties ?? {}));
    const present = node?.kind === 'map' ? [...node.entries.keys()] : [];
    const key = [...present, ...known].find((candidate) => spelling(candidate) === spelling(step));
    if (listed && /^\d{1,2}$/.test(step)) path.push(Number(step));
    else path.push(key ?? step.toLowerCase());
  }
  return path;
}

function spelling(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '');
}
