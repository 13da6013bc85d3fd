/** The architecture as data: who may import whom, and what no file may be called. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { test } from 'node:test';

/** Each folder of `src`: the folders and packages it may import, itself and `node:` included. */
const may: Readonly<Record<string, readonly string[]>> = {
  core: [],
  lib: ['zod'],
  net: ['core', 'lib', 'undici', 'zod'],
  protocol: ['core', 'lib'],
  openapi: ['core', 'lib', 'protocol', 'zod'],
  routing: ['core', 'lib', 'zod'],
  fleet: ['core', 'lib', 'zod'],
  identity: ['core', 'lib', 'zod', 'jose'],
  money: ['core', 'lib', 'zod'],
  secrets: ['core', 'lib', 'net', 'zod', '@aws-sdk/client-secrets-manager'],
  stores: ['core', 'lib', 'zod', 'kysely', 'pg', '@redis/client'],
  privacy: ['core', 'lib', 'zod'],
  telemetry: ['core', 'lib', 'zod'],
  alerts: ['core', 'lib', 'net', 'zod', 'nodemailer'],
  providers: ['core', 'lib', 'net', 'protocol', 'zod'],
  engines: ['core', 'lib', 'net', 'protocol', 'zod'],
  answers: ['core', 'lib', 'net', 'fleet', 'identity', 'openapi', 'protocol', 'routing'],
  pipeline: ['core', 'lib', 'net', 'protocol', 'identity'],
  config: [
    'core',
    'lib',
    'net',
    'protocol',
    'answers',
    'alerts',
    'routing',
    'fleet',
    'identity',
    'money',
    'secrets',
    'privacy',
    'stores',
    'telemetry',
    'providers',
    'engines',
    'yaml',
    'zod',
  ],
  bench: ['core', 'lib', 'undici'],
};
/** The outer ring may import everything; inside it only these packages are for one folder alone. */
const outer: Readonly<Record<string, readonly string[]>> = {
  wiring: ['zod'],
  admin: ['fastify', 'openid-client', 'zod'],
  cli: ['commander', 'yaml', 'zod'],
};
const bannedNames = /^(?:utils?|helpers?|common|misc|shared|manager|service|types|index)\.ts$/;

const files = globSync('src/**/*.ts').filter((file) => !file.endsWith('.test.ts'));

test('imports point inwards only, and each package stays in its folder', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((imported) => !isAllowed(file, imported))
      .map((imported) => `${file} imports ${imported}`),
  );
  assert.deepEqual(wrong, []);
});

function isAllowed(file: string, imported: string): boolean {
  const folder = folderOf(file);
  if (folder === undefined || imported.startsWith('node:')) return true;
  const isPackage = !imported.startsWith('.');
  const target = isPackage ? packageOf(imported) : folderOf(join(dirname(file), imported));
  const allowed = may[folder] ?? (isPackage ? outer[folder] : undefined);
  return target === undefined || target === folder || allowed === undefined || allowed.includes(target);
}

test('nothing imports the outer ring from within, and nothing in src imports test or bench', () => {
  const wrong = files.flatMap((file) => {
    const folder = folderOf(file);
    const inner = folder !== undefined && folder in may;
    return importsOf(file)
      .filter((imported) => imported.startsWith('.'))
      .filter((imported) => {
        const path = join(dirname(file), imported);
        const target = folderOf(path);
        // The version stands in package.json and nowhere else.
        if (path === 'package.json') return false;
        return !path.startsWith(`src${sep}`) || (inner && target !== undefined && target in outer);
      })
      .map((imported) => `${file} imports ${imported}`);
  });
  assert.deepEqual(wrong, []);
});

/** The command line and the load generator speak to whom their user names. */
const mayConnect: readonly (string | undefined)[] = ['net', 'cli', 'bench'];
const connecting =
  /(?<![.#\w])fetch\(|^import \{[^}]*\b(?:connect|createConnection|request|get|Agent|Client|Pool|Socket)\b[^}]*\} from '(?:node:(?:net|tls|https?|dgram)|undici(?:\/[^']*)?)'|^import (?:Client|Pool) from 'undici\//m;

test('only `net` connects to anywhere, so that nothing goes around the guarded dialer (G9)', () => {
  const wrong = files
    .filter((file) => !mayConnect.includes(folderOf(file)))
    .filter((file) => connecting.test(readFileSync(file, 'utf8')));
  assert.deepEqual(wrong, []);
});

const spawning = /from 'node:(?:child_process|cluster)'/;
/** What is run or loaded stands in the source: no text becomes code, and no name that was computed is loaded. */
const evaluating = /(?<![.\w])eval\(|new Function\(|node:vm|(?<![.\w*@])import\((?!')/;

/** An engine is a process, and so is a worker, which is the only one that knows it is one. */
const startsProcesses = [
  join('src', 'cli', 'serve-as-worker.ts'),
  join('src', 'engines', 'llamacpp.ts'),
  join('src', 'wiring', 'workers', 'worker-process.ts'),
  join('src', 'wiring', 'workers', 'workers.ts'),
];

test('G7: processes are started where engines and workers are, and no file evaluates a text or loads what it is told the name of', () => {
  const sources = files.map((file) => ({ file, text: readFileSync(file, 'utf8') }));
  const found = (what: RegExp) => sources.filter(({ text }) => what.test(text)).map(({ file }) => file);
  assert.deepEqual(found(spawning).sort(), startsProcesses);
  assert.deepEqual(found(evaluating), []);
});

test('every folder has its row', () => {
  const folders = new Set(files.map(folderOf).filter((folder) => folder !== undefined));
  assert.deepEqual(
    [...folders].filter((folder) => !(folder in may) && !(folder in outer)),
    [],
  );
});

test('no stage imports another, save the chain that orders them', () => {
  const chain = readFileSync('src/pipeline/chain.ts', 'utf8');
  const stages = [...chain.matchAll(/from '\.\/([\w-]+)\.ts'/g)].map((match) => `./${match[1]}.ts`);
  const wrong = stages
    .map((stage) => join('src/pipeline', stage))
    .flatMap((file) =>
      importsOf(file, { values: true })
        .filter((imported) => stages.includes(imported))
        .map((imported) => `${file} imports ${imported}`),
    );
  assert.deepEqual(wrong, []);
});

test('no file has a name that says nothing', () => {
  const named = globSync(['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'])
    .filter((file) => !file.includes('node_modules'))
    .filter((file) => bannedNames.test(file.split(sep).at(-1) ?? ''));
  assert.deepEqual(named, []);
});

test('the lockfile holds no download addresses', () => {
  assert.doesNotMatch(readFileSync('package-lock.json', 'utf8'), /"resolved": "http/);
});

function folderOf(path: string): string | undefined {
  const [, folder, rest] = relative('.', path).split(sep);
  return rest === undefined ? undefined : folder;
}

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function importsOf(file: string, only: { values: boolean } = { values: false }): string[] {
  const text = readFileSync(file, 'utf8');
  const statements = [...text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from '([^']+)'/gm)];
  const dynamic = [...text.matchAll(/import\('([^']+)'\)/g)].map((match) => match[1] ?? '');
  return statements
    .filter((match) => !only.values || match[1] === undefined)
    .map((match) => match[2] ?? '')
    .concat(dynamic);
}
