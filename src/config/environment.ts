/** What the environment adds to the files: `MILLRACE__QUEUE__PLACES=64`, and the variables of older gateways. */
import type { Environment } from './expand.ts';
import { schemasAt } from './json-schema.ts';
import { variablesNotBuiltYet } from './not-built-yet.ts';
import { nodeAt, type Path, type Placed, type PlacedScalar, withNode } from './placed.ts';
import type { Place } from './problem.ts';

const prefix = 'MILLRACE__';

export interface Overridden {
  readonly root: Placed;
  readonly warnings: readonly string[];
}

export function applyEnvironment(root: Placed, environment: Environment): Overridden {
  const older = applyOlderVariables(root, environment);
  let tree = older.root;
  for (const name of Object.keys(environment).sort()) {
    const text = environment[name];
    if (!name.startsWith(prefix) || text === undefined) continue;
    const path = resolvePath(tree, name.slice(prefix.length).split('__'));
    tree = setScalar(tree, path, { name, value: text, loose: true });
  }
  return { root: tree, warnings: older.warnings };
}

interface OlderVariable {
  readonly path: Path;
  readonly factor: number;
}

const olderVariables: Readonly<Record<string, OlderVariable>> = {
  KEEPALIVE_TIMEOUT: { path: ['listen', 'keepAliveMs'], factor: 1000 },
  WORKER_CONNECTIONS: { path: ['listen', 'connectionsMax'], factor: 1 },
};

/** These names are in use elsewhere too, so a file has the last word over them. */
function applyOlderVariables(root: Placed, environment: Environment): Overridden {
  const warnings: string[] = [];
  let tree = root;
  for (const [name, { path, factor }] of Object.entries(olderVariables)) {
    const text = environment[name];
    if (text === undefined || text === '') continue;
    if (nodeAt(tree, path) !== undefined) {
      warnings.push(`${name} is not used: the configuration sets ${path.join('.')}`);
      continue;
    }
    warnings.push(`${name} sets ${path.join('.')}`);
    const value = /^\d{1,9}$/.test(text) ? Number(text) * factor : text;
    tree = setScalar(tree, path, { name, value, loose: true });
  }
  for (const [name, what] of Object.entries(variablesNotBuiltYet)) {
    if ((environment[name] ?? '') !== '') warnings.push(`${name} is not used: ${what} is not built yet`);
  }
  return { root: tree, warnings };
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

/** `listen: HOST:PORT` becomes a map before another of its keys is set. */
function withTextForm(root: Placed, path: Path): Placed {
  const [first, second] = path;
  const node = first === undefined || second === undefined ? undefined : nodeAt(root, [first]);
  if (first !== 'listen' || node?.kind !== 'scalar' || typeof node.value !== 'string') return root;
  const text = { keyPlace: node.place, value: node };
  const map: Placed = {
    kind: 'map',
    place: node.place,
    path: ['listen'],
    entries: new Map([['address', text]]),
  };
  return withNode(root, ['listen'], { keyPlace: node.place, value: map });
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
