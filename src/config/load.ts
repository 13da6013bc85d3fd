/** Files and environment to one frozen configuration, or to everything that is wrong with them. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { Secret } from '../lib/secret.ts';
import type { Fetched } from '../secrets/fetch-secrets.ts';
import { unpricedWarnings } from './billing-hosts.ts';
import { check } from './check.ts';
import { applyEnvironment, type Overridden } from './environment.ts';
import type { Environment } from './expand.ts';
import { strangersIn } from './named-addresses.ts';
import { nearest, nodeAt, type Path, type Placed, placedAt, withNode } from './placed.ts';
import { ConfigError, formatPath, formatPlace, formatProblem, type Problem } from './problem.ts';
import type { ReadYaml } from './read-yaml.ts';
import { type Config, installKeys } from './schema.ts';
import { resolveSecrets } from './secrets.ts';
import { type Choose, readSources, type Sources, type WrittenHalf } from './sources.ts';
import { validate } from './validate.ts';

const problemsMax = 100;

export interface LoadedConfig {
  readonly config: Config;
  /** Equal for equal configurations, in every process. */
  readonly id: string;
  /** Every file read, absolute: a change of one of them is a change of the configuration. */
  readonly files: readonly string[];
  /** Files that hold one secret each, absolute: a change of one of them is a change too. */
  readonly secretFiles: readonly string[];
  readonly warnings: readonly string[];
  /** The half that is read again at each reload, as it is written. */
  readonly half: WrittenHalf;
}

export interface LoadOptions {
  /** Without one there are the defaults and the environment. */
  readonly path?: string;
  readonly env: Environment;
  /** What was applied over the file, if that is in force. */
  readonly choose?: Choose;
  /** What was discovered: it stands where the files and the environment name no upstreams. */
  readonly discovered?: DiscoveredParts;
  /** In this thread unless said. */
  readonly readYaml?: ReadYaml;
}

export interface DiscoveredParts {
  readonly upstreams: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly defaultModel: string;
}

/** Throws `ConfigError` with every problem at once, and nothing else. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  return completeConfig(readConfig(options), new Map());
}

/** A configuration whose secrets are still as they are written. */
export interface ReadConfig {
  /** Of what is right in it. */
  readonly config: Config;
  readonly root: Placed;
  readonly sources: Sources;
  readonly overridden: Overridden;
  readonly problems: readonly Problem[];
  readonly environment: Environment;
}

export function readConfig(options: LoadOptions): ReadConfig {
  return judgeConfig(readSources(options), options);
}

export function judgeConfig(sources: Sources, options: LoadOptions): ReadConfig {
  const overridden = applyEnvironment(sources.root, options.env);
  const { config, root, problems } = validate(withDiscovered(overridden.root, options.discovered));
  const strangers = strangersIn(config, sources.half, () => ofFiles(options));
  return {
    // Where there are none, the configuration is what it would be without the question.
    config: { ...withAbsolutePaths(config, root), ...(strangers.length === 0 ? {} : { strangers }) },
    root,
    sources,
    overridden,
    problems: [...sources.problems, ...problems],
    environment: options.env,
  };
}

function ofFiles({ choose: _, ...options }: LoadOptions): Config {
  return readConfig(options).config;
}

/** With what references to other places lead to. Throws as `loadConfig` does. */
export function completeConfig(read: ReadConfig, fetched: ReadonlyMap<string, Fetched>): LoadedConfig {
  const { root, sources, overridden, environment } = read;
  const found = [...read.problems];
  const literals: Problem[] = [];
  const secretFiles = new Set<string>();
  const context = { root, environment, fetched, problems: found, literals, files: secretFiles };
  const complete = resolveSecrets(read.config, context);
  if (!sources.partial) found.push(...checkReferences(complete, { root, declared: overridden.root }));
  if (found.length > 0) throw new ConfigError(inOrder(found, sources.files));
  return {
    config: freeze(complete),
    id: idOf(complete),
    files: sources.files,
    secretFiles: [...secretFiles],
    half: sources.half,
    warnings: [
      ...overridden.warnings,
      ...literals.map(formatProblem),
      ...masterKeyWarnings(complete),
      ...aloneWarnings(complete),
      ...unpricedWarnings(complete),
    ],
  };
}

/** Made in the data folder it is this gateway's alone. */
function masterKeyWarnings({ secrets, store, shared }: Config): readonly string[] {
  if (secrets.masterKey !== undefined || (store === 'sqlite' && shared === 'memory')) return [];
  return [
    'secrets.masterKey is not set: what this gateway seals in a store that replicas share, it alone can open, and only ' +
      'for as long as it keeps its data folder',
  ];
}

/** Nobody hears of another gateway but through Redis: it cannot be refused, as a second one of processes is. */
function aloneWarnings({ store, shared }: Config): readonly string[] {
  if (store === 'sqlite' || shared !== 'memory') return [];
  return [
    'shared is memory: this gateway counts slots, limits, budgets and conversations for itself. Run one of it at this ' +
      'PostgreSQL, or set `shared: redis://HOST:PORT` for all of them',
  ];
}

/** The same configuration with the install half of another one, which stays until a restart. */
export function keepInstallHalf(loaded: LoadedConfig, running: Config): LoadedConfig {
  const kept = Object.fromEntries(installKeys.map((key) => [key, running[key]]));
  const config: Config = { ...loaded.config, ...kept };
  return { ...loaded, config: freeze(config), id: idOf(config) };
}

/** Which settings of the install half differ. */
export function installChanges(loaded: LoadedConfig, running: Config): readonly string[] {
  // In a list what is not set has an id too.
  return installKeys.filter((key) => idOf([loaded.config[key]]) !== idOf([running[key]]));
}

function withDiscovered(root: Placed, discovered: DiscoveredParts | undefined): Placed {
  if (discovered === undefined) return root;
  const place = { file: 'discovery', line: 0, column: 0 };
  const put = (tree: Placed, path: Path, value: unknown) =>
    withNode(tree, path, { keyPlace: place, value: placedAt(value, place, path) });
  const tree = put(root, ['upstreams'], discovered.upstreams);
  return nodeAt(root, ['defaultModel']) === undefined
    ? put(tree, ['defaultModel'], discovered.defaultModel)
    : tree;
}

function checkReferences(config: Config, trees: { root: Placed; declared: Placed }): Problem[] {
  const names = (key: string) => {
    const node = nodeAt(trees.declared, [key]);
    return node?.kind === 'map' ? [...node.entries.keys()] : [];
  };
  const named = { upstreams: names('upstreams'), models: names('models'), identity: names('identity') };
  return check({ config, ...named }).map(({ path, ...finding }) => {
    const node = nearest(trees.root, path);
    // What the file does not say is a default, and is named by its own path.
    const said = nodeAt(trees.root, path);
    return { ...node.place, path: formatPath(said?.path ?? path), ...finding };
  });
}

/** Paths are relative to the file that names them; those that no file names, to the working directory. */
function withAbsolutePaths(config: Config, root: Placed): Config {
  const absolute = (path: readonly string[], text: string) => {
    const place = nodeAt(root, path)?.place;
    return resolve(place === undefined || place.line === 0 ? '.' : dirname(place.file), text);
  };
  const upstreams = Object.entries(config.upstreams).map(([name, upstream]) => {
    if (!('file' in upstream)) return [name, upstream] as const;
    return [name, { ...upstream, file: absolute(['upstreams', name, 'file'], upstream.file) }] as const;
  });
  return {
    ...config,
    listen: withAbsoluteTls(config.listen, (name, text) => absolute(['listen', 'tls', name], text)),
    admin: withAbsoluteTls(config.admin, (name, text) => absolute(['admin', 'tls', name], text)),
    data: absolute(['data'], config.data),
    secrets: withAbsoluteFiles(config.secrets, absolute),
    upstreams: Object.fromEntries(upstreams),
  };
}

function withAbsoluteFiles(
  secrets: Config['secrets'],
  absolute: (path: readonly string[], text: string) => string,
): Config['secrets'] {
  const { vault, folder } = secrets;
  return {
    ...secrets,
    ...(folder === undefined ? {} : { folder: absolute(['secrets', 'folder'], folder) }),
    ...(vault?.ca === undefined
      ? {}
      : { vault: { ...vault, ca: absolute(['secrets', 'vault', 'ca'], vault.ca) } }),
  };
}

type Tls = { readonly cert: string; readonly key: string };

function withAbsoluteTls<Listener extends { readonly tls?: Tls | undefined }>(
  listener: Listener,
  absolute: (name: keyof Tls, text: string) => string,
): Listener {
  const { tls } = listener;
  if (tls === undefined) return listener;
  return { ...listener, tls: { ...tls, cert: absolute('cert', tls.cert), key: absolute('key', tls.key) } };
}

/** As someone would mend them: file by file, from top to bottom, and no more than anyone would read. */
function inOrder(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = (problem: Problem) => files.indexOf(problem.file);
  const first = new Map<string, Problem>();
  for (const problem of problems) {
    // What else is wrong with the same value mostly follows from what was found first.
    const key = `${formatPlace(problem)} ${problem.path}`;
    if (!first.has(key)) first.set(key, problem);
  }
  const all = [...first.values()].sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
  const shown = all.slice(0, problemsMax);
  const last = shown.at(-1);
  if (last === undefined || all.length === shown.length) return shown;
  return [...shown, { ...last, path: '', message: `and ${all.length - shown.length} problems more` }];
}

/** A changed secret is a changed configuration; of the digest too little is kept to guess a secret from. */
export function idOf(value: unknown): string {
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key, item: unknown) {
    const plain = this[key];
    return plain instanceof Secret ? plain.reveal() : item;
  });
  // What is not configured has no text.
  return createHash('sha256')
    .update(text ?? '')
    .digest('hex')
    .slice(0, 12);
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) freeze(item);
    Object.freeze(value);
  }
  return value;
}
