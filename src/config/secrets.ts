/** Puts the values of secrets in the place of what refers to them: `env:NAME`, `file:PATH`, and what was asked for before. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Secret } from '../lib/secret.ts';
import { isRemoteReference } from '../lib/secret-reference.ts';
import type { Fetched } from '../secrets/fetch-secrets.ts';
import type { Environment } from './expand.ts';
import { nearest, type Path, type Placed } from './placed.ts';
import { formatPath, type Place, type Problem } from './problem.ts';
import { reasonOf } from './read-files.ts';

const secretFileBytesMax = 65_536;

export interface SecretsContext {
  readonly root: Placed;
  readonly environment: Environment;
  /** What references to other places lead to, by the references as they are written. */
  readonly fetched: ReadonlyMap<string, Fetched>;
  readonly problems: Problem[];
  readonly literals: Problem[];
  /** Those that `file:` names, absolute. */
  readonly files: Set<string>;
}

/** A copy of `value` in which every secret is what it refers to. */
export function resolveSecrets<T>(value: T, context: SecretsContext, path: Path = []): T {
  return replaceSecrets(value, path, context) as T;
}

/** Which secrets in `value` are written as references, as they are written. What was in the environment stays as it was. */
export function referencesIn(value: unknown, found: Set<string> = new Set()): Set<string> {
  if (value instanceof Secret) {
    const text = value.reveal();
    if (text.startsWith('file:') || isRemoteReference(text)) found.add(text);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) referencesIn(item, found);
  }
  return found;
}

function replaceSecrets(
  value: unknown,
  path: readonly (string | number)[],
  context: SecretsContext,
): unknown {
  if (value instanceof Secret) return resolveSecret(value.reveal(), path, context);
  if (Array.isArray(value))
    return value.map((item, index) => replaceSecrets(item, [...path, index], context));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, replaceSecrets(item, [...path, key], context)]),
  );
}

function resolveSecret(text: string, path: readonly (string | number)[], context: SecretsContext): Secret {
  const node = nearest(context.root, path);
  const at = { ...node.place, path: formatPath(node.path) };
  const found = lookUp(text, node.place, context);
  if ('problem' in found) {
    context.problems.push({ ...at, message: found.problem });
    return new Secret('');
  }
  // It would end the header or line that the secret goes into.
  if (/\p{Cc}/u.test(found.text)) {
    context.problems.push({ ...at, message: 'holds a line break or another control character' });
  }
  const written =
    found.literal && node.kind === 'scalar' && node.loose === undefined && !isPlainAddress.test(found.text);
  if (written)
    context.literals.push({ ...at, message: 'is written out; `env:NAME` or `file:PATH` keeps it elsewhere' });
  return new Secret(found.text);
}

/** Of a store that asks for no password: there is nothing in it to hide. */
const isPlainAddress = /^(?:rediss?|postgres(?:ql)?):\/\/(?:[^:@/?#]*@)?[^@?#]*$/;

type Found = { readonly text: string; readonly literal: boolean } | { readonly problem: string };

function lookUp(text: string, place: Place, { environment, fetched, files }: SecretsContext): Found {
  if (isRemoteReference(text)) {
    const there = fetched.get(text) ?? { problem: 'only `env:` and `file:` can be used here' };
    return 'problem' in there ? { problem: `${text}: ${there.problem}` } : { ...there, literal: false };
  }
  if (text.startsWith('env:')) return fromEnvironment(text.slice(4), environment);
  if (text.startsWith('file:')) {
    const folder = place.line === 0 ? '.' : dirname(place.file);
    const file = resolve(folder, text.slice(5));
    files.add(file);
    return fromFile(file);
  }
  return { text, literal: true };
}

function fromEnvironment(name: string, environment: Environment): Found {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(name))
    return { problem: '`env:` must be followed by the name of a variable' };
  const text = environment[name];
  if (text === undefined) return { problem: `the environment has no variable ${name}` };
  return text === '' ? { problem: `the variable ${name} is empty` } : { text, literal: false };
}

function fromFile(file: string): Found {
  try {
    const facts = statSync(file);
    if (!facts.isFile()) return { problem: `${file} is not a file` };
    if (facts.size > secretFileBytesMax) return { problem: `${file} is too large for a secret` };
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? { problem: `${file} is empty` } : { text, literal: false };
  } catch (error) {
    return { problem: `${file} ${reasonOf(error)}` };
  }
}
