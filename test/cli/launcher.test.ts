/** `bin/millrace.js`, which any Node can read: it starts what this Node can run, or says what is missing. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises';
import { test } from 'node:test';
import { openPlace, type Place } from './gateway-process.ts';

async function enginesOf(file: string): Promise<string> {
  return (JSON.parse(await readFile(file, 'utf8')) as { engines: { node: string } }).engines.node;
}

/** The launcher alone, with this to start and no Node beside it. */
async function openLauncher(main: string): Promise<Place> {
  const place = await openPlace();
  await mkdir(place.path('bin'));
  await mkdir(place.path('src'));
  await place.write('package.json', '{ "type": "module" }');
  await place.write('src/main.ts', main);
  await copyFile('bin/millrace.js', place.path('bin/millrace.js'));
  return place;
}

/** Tells the launcher that this is another version. */
function pretending(version: string): string[] {
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
  return ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, 'bin/millrace.js'];
}

async function launch(version: string): Promise<{ code: number; out: string; err: string }> {
  await using place = await openLauncher("process.stdout.write('started');");
  return await new Promise((resolve) => {
    execFile(process.execPath, pretending(version), { cwd: place.folder }, (failure, out, err) =>
      resolve({ code: Number(failure?.code ?? 0), out, err }),
    );
  });
}

test('the launcher asks for the Node that `engines` states, in both packages', async () => {
  const engines = await enginesOf('package.json');
  assert.equal(await enginesOf('engines/llamacpp/package.json'), engines);
  const [, major = 0, minor = 0] = /^>=(\d+)\.(\d+)$/.exec(engines)?.map(Number) ?? [];
  assert.ok(major > 0, engines);
  for (const version of [`${major}.${minor}.0`, `${major}.${minor + 1}.2`, `${major + 1}.0.0`]) {
    assert.deepEqual(await launch(version), { code: 0, out: 'started', err: '' }, version);
  }
  for (const version of [`${major}.${minor - 1}.9`, `${major - 1}.99.0`]) {
    const refused = await launch(version);
    assert.deepEqual([refused.code, refused.out], [1, ''], version);
    assert.match(refused.err, new RegExp(`needs Node ${major}\\.${minor} or newer; this is ${version}`));
  }
});

test('the Node beside the launcher is started by an older one, told its signals, and its exit code is passed on', async () => {
  await using place = await openLauncher(
    "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1_000); process.stdout.write('started');",
  );
  await mkdir(place.path('node_modules/.bin'), { recursive: true });
  await symlink(process.execPath, place.path('node_modules/.bin/node'));
  const launcher = spawn(process.execPath, pretending('20.19.0'), {
    cwd: place.folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(launcher, 'close');
  await once(launcher.stdout, 'data');
  launcher.kill('SIGTERM');
  assert.deepEqual(await closed, [7, null]);
});
