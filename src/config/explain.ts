/** The schema's findings in our words: where, what and how to mend it, and never the value itself. */
import type { z } from 'zod';
import type { Meant } from '../lib/closest.ts';
import { keysAt } from './json-schema.ts';
import { isPathLike, keysNotBuiltYet, valuesNotBuiltYet } from './not-built-yet.ts';
import { nearest, nodeAt, type Placed } from './placed.ts';
import { formatPath, type Place, type Problem } from './problem.ts';

export type Issue = z.core.$ZodIssue;

export function explain(issue: Issue, root: Placed, meant: Meant): Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => explainKey([...issue.path, key], root, meant));
  const node = nodeAt(root, issue.path);
  const found = nearest(root, issue.path);
  const name = formatPath(
    found.path.length < issue.path.length && node === undefined ? issue.path : found.path,
  );
  const place = issue.code === 'invalid_key' ? keyPlace(root, issue.path) : found.place;
  return [{ ...place, path: name, ...explainValue(issue, { node, root, meant }) }];
}

function explainKey(path: readonly PropertyKey[], root: Placed, meant: Meant): Problem {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const at = { ...keyPlace(root, path), path: formatPath(nearest(root, parent).path) };
  const pattern = Object.keys(keysNotBuiltYet).find((known) => isPathLike(path, known));
  if (pattern !== undefined) {
    return {
      ...at,
      message: `\`${key}\` is not built yet: ${keysNotBuiltYet[pattern]}`,
      hint: 'remove the key',
    };
  }
  const known = meant(key, () => keysAt(root, parent));
  const message = `\`${printable(key)}\` is not a key that may stand here`;
  return known === undefined ? { ...at, message } : { ...at, message, hint: `did you mean \`${known}\`?` };
}

interface Explained {
  readonly node: Placed | undefined;
  readonly root: Placed;
  readonly meant: Meant;
}

function explainValue(issue: Issue, { node, root, meant }: Explained): { message: string; hint?: string } {
  if (node?.kind === 'scalar' && node.value === null) {
    return { message: 'has no value', hint: 'write one, or remove the key' };
  }
  const notBuilt = valuesNotBuiltYet.find(
    (known) =>
      (issue.code === 'invalid_value' || issue.code === 'custom') &&
      isPathLike(issue.path, known.path) &&
      known.matches.test(textOf(node)),
  );
  if (notBuilt !== undefined) return { message: `\`${notBuilt.shown}\` is not built yet: ${notBuilt.what}` };
  if (node === undefined && isAbsence(issue) && nearest(root, issue.path).kind !== 'scalar') {
    return { message: `is missing${optionsOf(issue, ', and must be ')}` };
  }
  const allowed = meant(textOf(node), () => allowedValues(issue));
  const message = messageOf(issue);
  return allowed === undefined ? { message } : { message, hint: `did you mean \`${allowed}\`?` };
}

function isAbsence(issue: Issue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_union' || issue.code === 'invalid_value';
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of keys',
  record: 'a map of names',
  array: 'a list',
};

export function messageOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeNames[issue.expected] ?? 'something else'}`;
    case 'invalid_value':
      return optionsOf(issue, 'must be ');
    case 'invalid_union':
      return allowedValues(issue).length > 0 ? optionsOf(issue, 'must be ') : issue.message;
    case 'too_big':
      return `must be at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'too_small':
      return `must be at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'invalid_key':
      return `is not a name that may stand here: it ${issue.issues[0]?.message ?? 'is malformed'}`;
    default:
      return issue.message;
  }
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function allowedValues(issue: Issue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return issue.code === 'invalid_union' && 'options' in issue ? (issue.options ?? []).map(String) : [];
}

function optionsOf(issue: Issue, before: string): string {
  const options = allowedValues(issue);
  if (options.length === 0) return '';
  return `${before}${options.length === 1 ? '' : 'one of '}${options.join(', ')}`;
}

function textOf(node: Placed | undefined): string {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : '';
}

function keyPlace(root: Placed, path: readonly PropertyKey[]): Place {
  const parent = nearest(root, path.slice(0, -1));
  const entry = parent.kind === 'map' ? parent.entries.get(String(path.at(-1))) : undefined;
  return entry?.keyPlace ?? parent.place;
}

/** A key is shown so that it can be found, but not at any length. */
function printable(key: string): string {
  const plain = key.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > 40 ? `${plain.slice(0, 40)}…` : plain;
}
