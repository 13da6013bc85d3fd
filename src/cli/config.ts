/** `millrace config`: the configuration of running gateways, shown, looked at, applied and undone. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  appliedShape,
  configShape,
  configTextCharsMax,
  diffShape,
  historyShape,
  refusedShape,
  validatedShape,
  versionTextShape,
} from '../admin/config-shapes.ts';
import { formatProblem, type Problem, proposedName } from '../config/problem.ts';
import { type AdminPlace, askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { type Actions, findAction } from './run-action.ts';
import { formatTable } from './table.ts';
import { Trouble } from './trouble.ts';

interface Asked {
  readonly invocation: Invocation;
  readonly given: Given;
  readonly place: AdminPlace;
  readonly json: boolean;
  /** What stands behind the action. */
  readonly words: readonly string[];
}

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const [action = 'show', ...words] = given.words;
  const act = findAction('config', actions, { words: [action] });
  const place = await findAdmin(invocation, given);
  return await act({ invocation, given, place, json: flagOption(given, 'json'), words });
}

const actions: Actions<(asked: Asked) => Promise<number>> = {
  show,
  validate,
  diff,
  apply: async (asked) => await change(asked, { method: 'PUT', path: 'config', body: await textOf(asked) }),
  set: async (asked) => await change(asked, { method: 'PUT', ...partOf(asked, true) }),
  unset: async (asked) => await change(asked, { method: 'DELETE', ...partOf(asked, false) }),
  history,
  rollback: async (asked) =>
    await change(asked, {
      method: 'POST',
      path: 'config/rollback',
      body: { version: versionOf(asked.words[0]) },
    }),
};

async function show({ invocation, place, json, words }: Asked): Promise<number> {
  const [version] = words;
  const shown =
    version === undefined
      ? await askAdmin(place, { path: 'config', shape: configShape })
      : await askAdmin(place, { path: `config/history/${versionOf(version)}`, shape: versionTextShape });
  invocation.write(json ? JSON.stringify(shown) : shown.text.trimEnd());
  return 0;
}

async function validate(asked: Asked): Promise<number> {
  const { invocation, place, json } = asked;
  const body = await textOf(asked);
  const found = await askAdmin(place, {
    method: 'POST',
    path: 'config/validate',
    body,
    shape: validatedShape,
  });
  if (json) invocation.write(JSON.stringify(found));
  else if (found.valid) {
    for (const warning of found.warnings) invocation.warn(`! ${warning}`);
    invocation.write('nothing is wrong with it');
  } else tellProblems(asked, found.problems);
  return found.valid ? 0 : 2;
}

async function diff(asked: Asked): Promise<number> {
  const { invocation, place, json } = asked;
  const body = await textOf(asked);
  const shape = z.union([diffShape, refusedShape]);
  const found = await askAdmin(place, { method: 'POST', path: 'config/diff', body, shape, alsoRead: [422] });
  if (json) invocation.write(JSON.stringify(found));
  if ('problems' in found) {
    if (!json) tellProblems(asked, found.problems);
    return 2;
  }
  if (json) return 0;
  for (const { kind, path, before, after } of found.changes) {
    if (kind !== 'added') invocation.write(`- ${path}: ${JSON.stringify(before)}`);
    if (kind !== 'removed') invocation.write(`+ ${path}: ${JSON.stringify(after)}`);
  }
  if (found.more > 0) invocation.write(`and ${found.more} more`);
  if (found.changes.length === 0) invocation.write('it would change nothing');
  return 0;
}

async function history({ invocation, place, json }: Asked): Promise<number> {
  const found = await askAdmin(place, { path: 'config/history', shape: historyShape });
  if (json) {
    invocation.write(JSON.stringify(found));
    return 0;
  }
  const rows = found.items.map(({ version, at, by, source, note }) => [
    String(version),
    at,
    by,
    source,
    note,
  ]);
  invocation.write(formatTable(['VERSION', 'AT', 'BY', 'FROM', 'WHAT'], rows));
  if (rows.length === 0) invocation.warn('! nothing was ever applied: the file is in force');
  return 0;
}

async function change(
  asked: Asked,
  wanted: { readonly method: 'PUT' | 'POST' | 'DELETE'; readonly path: string; readonly body?: object },
): Promise<number> {
  const { invocation, given, place, json } = asked;
  const { etag: ifMatch } = await askAdmin(place, { path: 'config', shape: configShape });
  const path = flagOption(given, 'force') ? `${wanted.path}?force` : wanted.path;
  const shape = z.union([appliedShape, refusedShape]);
  const answer = await askAdmin(place, { ...wanted, path, ifMatch, shape, alsoRead: [422] });
  const refused = 'problems' in answer || answer.outcome === 'refused';
  if (json) invocation.write(JSON.stringify(answer));
  else if ('problems' in answer) tellProblems(asked, answer.problems);
  else {
    for (const warning of answer.warnings) invocation.warn(`! ${warning}`);
    invocation.write(`version ${answer.version} is in force: configuration ${answer.configId}`);
  }
  return refused ? 2 : 0;
}

type Told = Omit<Problem, 'hint'> & { readonly hint?: string | undefined };

/** At its place in the file that was sent: the gateway has seen a text without a name. */
function tellProblems({ invocation, given, words: [file] }: Asked, problems: readonly Told[]): void {
  const isFromFile = textActions.includes(given.words[0] ?? '') && file !== undefined && file !== '-';
  for (const { hint, ...problem } of problems) {
    const placed = isFromFile && problem.file === proposedName ? { ...problem, file } : problem;
    invocation.warn(formatProblem(hint === undefined ? placed : { ...placed, hint }));
  }
}

const textActions: readonly string[] = ['validate', 'diff', 'apply'];

async function textOf({ words: [file] }: Asked): Promise<{ readonly text: string }> {
  if (file === undefined) {
    throw new UsageError('name the file with the configuration, or `-` for what comes through a pipe');
  }
  const text = file === '-' ? await readAll(process.stdin) : await readText(file);
  if (text.length <= configTextCharsMax) return { text };
  throw new Trouble(`${file} is longer than ${configTextCharsMax} characters`);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Trouble(`${file} cannot be read`, { cause });
  }
}

const namedParts: readonly string[] = ['upstreams', 'models', 'prices'];
const listParts: readonly string[] = ['limits', 'budgets'];

function partOf({ words }: Asked, takesValue: boolean): { readonly path: string; readonly body?: object } {
  const [part = '', ...rest] = words;
  if (namedParts.includes(part)) {
    const [name, value] = rest;
    if (name === undefined) throw new UsageError(`say which of the ${part} is meant`);
    const path = `${part}/${encodeURIComponent(name)}`;
    return takesValue ? { path, body: partValue(value) } : { path };
  }
  if (listParts.includes(part) && takesValue) return { path: part, body: { items: partValue(rest[0]) } };
  const known = takesValue ? [...namedParts, ...listParts] : namedParts;
  throw new UsageError(`say what: ${known.join(', ')}; for everything else there is \`config apply\``);
}

function partValue(text: string | undefined): object {
  try {
    const value: unknown = parse(text ?? '');
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new UsageError(
    'give the value as YAML or JSON, in quotes: "{ type: ollama, url: http://10.0.0.12:11434 }"',
  );
}

function versionOf(text: string | undefined): number {
  if (text !== undefined && /^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError('give the number of a version; `config history` lists them');
}
