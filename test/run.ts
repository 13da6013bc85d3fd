/**
 * `npm test`: finds the test files, sees to what they need, and runs them.
 *
 *   npm test                     everything
 *   npm test -- PATTERN …        only files whose path contains one of the patterns
 *   npm test -- --embedded       leaves out what needs more than npm packages, and says how many files that is
 *   npm run soak                 those that go on for as long as their row of the fault matrix says: many minutes
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { installEngine } from './engines/install-engine.ts';
import { NotShown } from './not-shown.ts';
import { CanaryWatch, canaryVariable } from './run-canary.ts';
import { installKernelTools } from './servers/install-kernel-tools.ts';
import { installNginx } from './servers/install-nginx.ts';
import { installPython } from './servers/install-python.ts';
import { installServers } from './servers/install-servers.ts';

/** What some files need beyond npm packages, and how the machine comes to it. */
const needs = [
  { what: 'the llama.cpp engine', isFor: at(/^test[/\\]engines[/\\]/), install: installEngine },
  {
    what: 'Redis or PostgreSQL',
    isFor: importing(/[/\\](?:provide-server|left-behind\.test)\.ts$/),
    install: installServers,
  },
  {
    what: 'tools of the kernel',
    isFor: importing(/[/\\](?:install-kernel-tools|cut-line)\.ts$/),
    install: installKernelTools,
  },
  { what: 'nginx', isFor: importing(/[/\\]install-nginx\.ts$/), install: installNginx },
  { what: 'Python', isFor: at(/^test[/\\]openapi[/\\]python-/), install: installPython },
];

/** Of a slow machine, and before CI would end it without a word: what a test started may hold the runner's pipes. */
const runMsMax = 25 * 60_000;

const runCanary = `canary${randomBytes(16).toString('hex')}`;

const args = process.argv.slice(2);
const embedded = args.includes('--embedded');
/** Tests that can go on for longer do so, and the others are left out. */
const soak = args.includes('--soak');
const patterns = args.filter((arg) => !arg.startsWith('--'));
const ci = process.env['CI'] === 'true';

if (embedded && ci) {
  console.error('with CI=true nothing may be left out: run `npm test` without --embedded');
  process.exit(1);
}

const found = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts', 'engines/*/*.test.ts'])
  .filter((file) => !file.includes('node_modules'))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .filter((file) => !soak || /from '.*\/soak\.ts'/.test(readFileSync(file, 'utf8')))
  .sort();
const files = embedded ? found.filter((file) => !needs.some((need) => need.isFor(file))) : found;
if (embedded) {
  for (const need of needs) {
    const left = found.filter(need.isFor).length;
    if (left > 0) console.log(`left out with --embedded: ${left} file(s) that need ${need.what}`);
  }
}
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}

// Before the clock of any test runs: on a new machine it takes its time to install these.
for (const need of needs) {
  if (files.some(need.isFor)) await need.install();
}

const runner = spawn(
  process.execPath,
  [
    '--test',
    `--test-timeout=${soak ? 20 * 60_000 : 120_000}`,
    // A file that does not end must not hold the run. Node's own --test-force-exit loses results on its way out.
    `--import=${import.meta.resolve('./leave.ts')}`,
    // One more than a small machine has cores: a file that waits leaves its own to another. More would starve each other.
    `--test-concurrency=${Math.min(4, availableParallelism() + 1)}`,
    ...files,
  ],
  {
    stdio: ['inherit', 'pipe', 'pipe'],
    env: {
      // Where `src/main.ts` has it too: each of the hundreds of processes would strip the types of the whole gateway anew.
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
      ...process.env,
      [canaryVariable]: runCanary,
      ...(soak ? { SOAK: '1' } : {}),
      ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
    },
  },
);
// What tests and gateways print is searched on its way for the secret that all of them hold.
const watches = [runner.stdout, runner.stderr].map((stream, at) => {
  const watch = new CanaryWatch(runCanary);
  stream.on('data', (piece: Buffer) => {
    watch.see(piece);
    (at === 0 ? process.stdout : process.stderr).write(piece);
  });
  return watch;
});
const notShown = new NotShown();
runner.stdout.on('data', (piece: Buffer) => notShown.see(piece));
const late = setTimeout(() => {
  console.error(`the tests did not end within ${runMsMax / 60_000} minutes`);
  runner.kill('SIGKILL');
}, runMsMax);
runner.on('close', (code) => {
  clearTimeout(late);
  const leaked = watches.some(({ found }) => found);
  if (leaked) console.error('a secret of the tests stands in their output (G8)');
  const { block } = notShown;
  const lacking = block !== undefined && process.env['MILLRACE_REQUIRE_ALL'] === '1';
  if (block !== undefined)
    console.error(`${block}${lacking ? '\nwith MILLRACE_REQUIRE_ALL=1 that is a failure' : ''}`);
  process.exitCode = leaked || lacking ? 1 : (code ?? 1);
});

function at(path: RegExp): (file: string) => boolean {
  return (file) => path.test(file);
}

/** Wherever it lies: a test of a fault needs servers as well as one of a driver does. */
function importing(path: RegExp): (file: string) => boolean {
  const known = new Map<string, boolean>();
  const isFor = (file: string): boolean => {
    const before = known.get(file);
    if (before !== undefined) return before;
    // Whoever imports in a circle is asked once.
    known.set(file, path.test(file));
    const found =
      path.test(file) ||
      Array.from(readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)'/g), ([, name = '']) =>
        join(dirname(file), name),
      ).some(isFor);
    known.set(file, found);
    return found;
  };
  return isFor;
}
