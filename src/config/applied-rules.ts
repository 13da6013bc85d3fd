/**
 * What may be applied by whom. Through the admin API nobody reaches a file, a variable or a secret that the file on disk
 * does not name, and nobody who is no owner sends a secret to another place, changes who may do what, or how long records
 * are kept (G7, S4).
 */
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Role } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { type AdminPermission, reachOf } from '../identity/permissions.ts';
import { isRemoteReference, isSecretReference } from '../lib/secret-reference.ts';
import type { LoadedConfig, ReadConfig } from './load.ts';
import { isWrittenOut, secretPathsIn } from './masked-secrets.ts';
import { addressesIn } from './named-addresses.ts';
import { nodeAt, type Path, type Placed, type PlacedMap, plainValue, scalarPaths } from './placed.ts';
import { ConfigError, formatPath, formatPlace, type Problem } from './problem.ts';
import type { HotConfig } from './schema.ts';
import type { WrittenHalf } from './sources.ts';

export interface Proposal {
  /** Before anything that it refers to was looked up: that alone would tell what there is. */
  readonly proposed: ReadConfig;
  readonly inForce: LoadedConfig;
  readonly role: Role;
  /** By a key with scopes: it makes no keys, and lets nobody in who would not be narrowed as it is. */
  readonly narrowed?: boolean;
}

interface Refused extends Problem {
  /** Whether somebody of another role may do it. */
  readonly forbidden: boolean;
}

/** What each part asks for besides `config:write`; those that say who may do what, or let records go, are an owner's alone. */
const parts: Readonly<Partial<Record<keyof HotConfig, AdminPermission | 'owner'>>> = {
  auth: 'owner',
  keys: 'owner',
  identity: 'owner',
  operator: 'owner',
  privacy: 'owner',
  budgets: 'budgets:write',
  prices: 'budgets:write',
  upstreams: 'upstreams:write',
  alerts: 'alerts:write',
};

/** Throws `ConfigError` with all that nobody may, and `forbidden` where somebody else may. */
export function assertAllowed(proposal: Proposal): void {
  const refusals = refusalsOf(proposal);
  const wrong = refusals.filter(({ forbidden }) => !forbidden);
  if (wrong.length === 0) {
    const [first] = refusals;
    if (first !== undefined) throw fail('forbidden', `${first.path}: ${first.message}`);
    return;
  }
  const places = new Set(wrong.map(formatPlace));
  // What else is said of such a place would tell whether there is what nobody may ask for.
  const others = proposal.proposed.problems.filter((problem) => !places.has(formatPlace(problem)));
  throw new ConfigError([...wrong.map(({ forbidden: _, ...problem }) => problem), ...others].sort(byPlace));
}

function byPlace(one: Problem, other: Problem): number {
  return one.line - other.line || one.column - other.column;
}

function refusalsOf(proposal: Proposal): Refused[] {
  return [refuseParts, refuseOpenDoor, refuseVariables, refuseFiles, refuseSecrets, refuseAddresses].flatMap(
    (find) => find(proposal),
  );
}

function refuseParts({ proposed, inForce, role, narrowed = false }: Proposal): Refused[] {
  return (Object.keys(parts) as (keyof HotConfig)[]).flatMap((key) => {
    const path = [key];
    const says = ({ filled }: WrittenHalf) => {
      const node = nodeAt(filled, path);
      return node && plainValue(node);
    };
    const isClosed = narrowed && parts[key] === 'owner';
    const may = mayChange(key, role) && !isClosed;
    if (may || isDeepStrictEqual(says(proposed.sources.half), says(inForce.half))) return [];
    const who = isClosed ? 'a key with scopes' : `the role ${role}`;
    return [refusal(proposed, { path, message: `may not be changed by ${who}`, forbidden: true })];
  });
}

function mayChange(key: keyof HotConfig, role: Role): boolean {
  const asked = parts[key];
  if (asked === undefined || role === 'owner') return true;
  return asked !== 'owner' && reachOf(role, asked) === 'all';
}

function refuseOpenDoor({ proposed, inForce }: Proposal): Refused[] {
  if (proposed.config.auth !== 'none' || inForce.config.auth === 'none') return [];
  return [refusal(proposed, { path: ['auth'], message: '`none` can be set in the file on disk alone' })];
}

/** A variable may hold anything: it stays where the file has it. */
function refuseVariables({ proposed, inForce }: Proposal): Refused[] {
  const { written, file } = proposed.sources.half;
  const known = [file, inForce.half.written];
  return scalarPaths(written).flatMap((path) => {
    const text = textAt(written, path);
    if (text === undefined || !text.replaceAll('$${', '').includes('${')) return [];
    if (known.some((tree) => textAt(tree, path) === text)) return [];
    return [refusal(proposed, { path, message: 'a variable may stand only where the file on disk has it' })];
  });
}

/** A model file is opened by this process. */
function refuseFiles({ proposed }: Proposal): Refused[] {
  const { written, file } = proposed.sources.half;
  return scalarPaths(written).flatMap((path) => {
    const isFile = path[0] === 'upstreams' && path.length === 3 && path[2] === 'file';
    const text = textAt(written, path);
    if (!isFile || text === textAt(file, path)) return [];
    const from = nodeAt(file, path)?.place.file;
    if (from !== undefined && text === resolve(dirname(from), textAt(file, path) ?? '')) return [];
    return [refusal(proposed, { path, message: 'a file can be named by the file on disk alone' })];
  });
}

function refuseSecrets(proposal: Proposal): Refused[] {
  const { proposed, inForce, role } = proposal;
  const { written, filled, file } = proposed.sources.half;
  const before = [file, inForce.half.filled].flatMap((tree) =>
    scalarPaths(tree).map((path) => ({ tree, path })),
  );
  const references = new Set(before.map(({ tree, path }) => textAt(tree, path)));
  const places = new Set(before.map(({ tree, path }) => placeOf(tree, path)));
  return secretPathsIn(proposed.config, written).flatMap((path) => {
    const text = textAt(written, path) ?? '';
    const trouble = isWrittenOut(text) ? writtenOut : troubleWith(text, references, inForce);
    if (trouble !== undefined) return [refusal(proposed, { path, message: trouble })];
    if (role === 'owner' || places.has(placeOf(filled, path))) return [];
    const message = 'only an owner may refer to a secret from here';
    return [refusal(proposed, { path, message, forbidden: true })];
  });
}

const writtenOut =
  'a secret cannot be written out here: refer to one, or write `***` where the file on disk has it';

function troubleWith(
  text: string,
  known: ReadonlySet<string | undefined>,
  { config, half }: LoadedConfig,
): string | undefined {
  // A variable was looked at before, and `***` has been put in already.
  if (!isSecretReference(text) || known.has(text) || isRemoteReference(text)) return undefined;
  const { folder } = config.secrets;
  if (text.startsWith('env:')) return 'the file on disk refers to no such variable';
  if (folder === undefined)
    return 'the file on disk refers to no such file, and `secrets.folder` names no folder';
  const named = resolve(dirname(half.written.place.file), text.slice('file:'.length));
  const within = relative(folder, named);
  const isInside = within !== '' && within.split(sep)[0] !== '..' && !isAbsolute(within);
  return isInside ? undefined : `is neither in the file on disk nor in the folder ${folder}`;
}

/** What can be seen to be no place of the internet; names are looked at when they are connected to (G9). */
function refuseAddresses({ proposed }: Proposal): Refused[] {
  const strangers = new Set(proposed.config.strangers);
  return addressesIn(proposed.config).flatMap(({ path, address, strange }) => {
    const reason = strangers.has(address) ? strange() : undefined;
    if (reason === undefined) return [];
    const message = `${reason}: any other address is for an owner to name, or for the file on disk`;
    return [refusal(proposed, { path, message, forbidden: true })];
  });
}

/** A secret and where it is sent: to an upstream's server, or by what stands beside it. */
function placeOf(filled: PlacedMap, path: Path): string {
  return JSON.stringify([textAt(filled, path), destinationOf(filled, path)]);
}

function destinationOf(filled: PlacedMap, path: Path): unknown {
  if (path[0] === 'upstreams') {
    const url = textAt(filled, [...path.slice(0, 2), 'url']) ?? '';
    return [textAt(filled, [...path.slice(0, 2), 'type']), URL.parse(url)?.origin ?? url];
  }
  const holder = nodeAt(filled, path.slice(0, -1));
  return [path[0], holder && plainValue(holder)];
}

function textAt(tree: Placed, path: Path): string | undefined {
  const node = nodeAt(tree, path);
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined;
}

function refusal(
  { sources: { half } }: ReadConfig,
  found: { readonly path: Path; readonly message: string; readonly forbidden?: boolean },
): Refused {
  const { path, message, forbidden = false } = found;
  const node = nodeAt(half.written, path);
  const place = node?.place ?? { ...half.written.place, line: 1, column: 1 };
  return { ...place, path: formatPath(path), message, forbidden };
}
