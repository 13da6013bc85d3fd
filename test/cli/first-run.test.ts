import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../faults/rig.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import {
  assertQuick,
  jsonLines,
  millrace,
  openPlace,
  type RunningProcess,
  serve,
} from './gateway-process.ts';
import { keys, openTerminal } from './terminal.ts';

const curl = join(import.meta.dirname, 'curl.ts');

async function paste(line: string): Promise<{ choices: { message: { content: string } }[] }> {
  const script = `curl() { "${process.execPath}" "${curl}" "$@"; }\n${line}`;
  const { stdout } = await promisify(execFile)('sh', ['-c', script]);
  return JSON.parse(stdout);
}

test('with no file, no database and no server around, the gateway is ready at once and the printed line works when pasted', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  const { ready } = gateway;
  await assertQuick(gateway.readyMs, 3_000, place);
  assert.equal(ready.defaultModel, 'simulator');
  assert.match(ready.clients, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(ready.admin, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(ready.limits.join(' '), /requests a minute per key/);
  assert.deepEqual(
    ready.found.filter(({ used }) => used).map(({ what }) => what),
    ['simulator'],
  );
  const answer = await paste(ready.curl);
  assert.match(answer.choices[0]?.message.content ?? '', /simulator/);
});

test('keys are made once, for the owner alone, and are in no line of the log (G8)', async () => {
  await using place = await openPlace();
  const first = await serve([], { place });
  const [key, token] = [await first.key(), await first.token()];
  const ended = await first.stop();
  assert.match(key, /^sk-mr-[0-9a-f]{46}$/);
  assert.ok(token.length >= 32);
  for (const name of ['client-key', 'admin-token']) {
    assert.equal((await stat(place.path(`.millrace/${name}`))).mode & 0o777, 0o600, name);
  }
  for (const name of ['.millrace', '.millrace/spool']) {
    assert.equal((await stat(place.path(name))).mode & 0o777, 0o700, name);
  }
  await using second = await serve([], { place });
  assert.equal(await second.key(), key);
  assert.equal(await second.token(), token);
  for (const text of [ended.out, ended.err, second.out()]) {
    assert.equal(text.includes(key) || text.includes(token), false);
  }
});

test('in a pipe every line is JSON; Ctrl-C ends at once and is no failure', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  const ended = await gateway.stop('SIGINT');
  assert.equal(ended.code, 0);
  await assertQuick(ended.tookMs, 2_000, place);
  const lines = jsonLines(ended.out);
  assert.equal(lines.length, ended.out.trimEnd().split('\n').length);
  assert.equal(lines.filter(({ msg }) => msg === 'ready').length, 1);
  assert.equal(ended.err, '');
});

test('on a terminal a start is told to a person; its line works when pasted, and Ctrl-C is no failure', async () => {
  await using place = await openPlace();
  await using terminal = openTerminal(['serve'], { place });
  const banner = await terminal.shows(/Ctrl-C stops it/);
  assert.match(banner, /^Millrace \S+ is ready after \d+ ms\r?\n/);
  assert.match(banner, /Found:[\s\S]*\+ +simulator/);
  assert.match(banner, /Limits:[\s\S]*requests a minute per key/);
  assert.ok(banner.includes((await place.read('.millrace/client-key')).trim()));
  assert.doesNotMatch(banner, /"msg"/);
  assert.ok(terminal.raw().includes('\u001b[1m'), 'a terminal gets colours');
  const answer = await paste(/curl .*/.exec(banner)?.[0] ?? '');
  assert.match(answer.choices[0]?.message.content ?? '', /simulator/);
  await terminal.shows(/\d\d:\d\d:\d\d .*status=200/);
  terminal.type(keys.ctrlC);
  assert.equal(await terminal.ended, 0);
});

test('NO_COLOR is obeyed on a terminal', async () => {
  await using place = await openPlace();
  await using terminal = openTerminal(['serve'], { place, environment: { NO_COLOR: '1' } });
  await terminal.shows(/Ctrl-C stops it/);
  assert.equal(terminal.raw().includes('\u001b['), false);
});

test('Ctrl-C ends at once even while a stream runs', async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', 'upstreams: { slow: { type: simulator, tokensPerSecond: 1 } }\n');
  await using gateway = await serve([], { place });
  const answer = await gateway.chat({ stream: true });
  const reader = answer.body?.getReader();
  await reader?.read();
  const ended = await gateway.stop('SIGINT');
  assert.equal(ended.code, 0);
  await assertQuick(ended.tookMs, 2_000, place);
  await reader?.cancel().catch(() => {});
});

test('a local Ollama is found and its first model that can chat is the default', async () => {
  await using place = await openPlace();
  const ollama = await openFakeLlm({ models: ['nomic-embed-text:latest', 'gemma:2b'] });
  try {
    await using gateway = await serve([], {
      place,
      environment: { OLLAMA_HOST: ollama.url, OPENAI_API_KEY: 'canary-key', GEMINI_API_KEY: 'canary-key' },
    });
    const { ready } = gateway;
    assert.deepEqual(ready.upstreams, ['ollama', 'openai', 'simulator']);
    assert.equal(ready.defaultModel, 'gemma:2b');
    assert.match(says(ready, 'GEMINI_API_KEY'), /later version/);
    assert.match(says(ready, 'OPENAI_API_KEY'), /cost money/);
    assert.equal(gateway.out().includes('canary-key'), false);
    const answer = await paste(ready.curl);
    assert.match(answer.choices[0]?.message.content ?? '', /Hello/);
  } finally {
    await ollama.close();
  }
});

function says(ready: { found: readonly { what: string; says: string }[] }, what: string): string {
  return ready.found.find((finding) => finding.what === what)?.says ?? '';
}

test('a bad configuration is refused with every problem at its place, quickly, and shows no secret (P11)', async () => {
  await using place = await openPlace();
  await place.write(
    'bad.yaml',
    'listn: 127.0.0.1:0\nauth: none\nlisten: 0.0.0.0:0\nkeys:\n  - { name: a, key: canary }\nqueue: { places: many }\n',
  );
  const ended = await millrace(['serve', '--config', 'bad.yaml'], { place, environment: onlyFile });
  assert.equal(ended.code, 2);
  await assertQuick(ended.tookMs, 3_000, place);
  const lines = ended.err.trimEnd().split('\n');
  assert.match(ended.err, /bad\.yaml:1:1: .*did you mean `listen`/);
  assert.match(ended.err, /bad\.yaml:2:7: auth: `none` is refused while a listener is open/);
  assert.match(ended.err, /bad\.yaml:5:\d+: keys\[0\]\.key/);
  assert.match(ended.err, /bad\.yaml:6:\d+: queue\.places: must be a number/);
  assert.equal(lines.length, 4);
  assert.equal(ended.err.includes('canary'), false);
  assert.equal(ended.out, '');
});

/** Here the file says where to listen. */
const onlyFile = { MILLRACE__LISTEN__ADDRESS: '0.0.0.0:0' };

for (const [setting, variable] of [
  ['clients', 'MILLRACE__LISTEN__ADDRESS'],
  ['admin', 'MILLRACE__ADMIN__LISTEN'],
] as const) {
  test(`an address in use, the one for ${setting}, is told in one line with what mends it`, async () => {
    await using place = await openPlace();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    try {
      const ended = await millrace(['serve'], { place, environment: { [variable]: `127.0.0.1:${port}` } });
      assert.equal(ended.code, 1);
      assert.match(
        ended.err,
        new RegExp(`^cannot start: 127\\.0\\.0\\.1:${port} is in use .*${variable}=\\S+\n$`),
      );
      assert.equal(ended.out, '');
    } finally {
      other.close();
    }
  });
}

test('two addresses in use are told at once, with both settings', async () => {
  await using place = await openPlace();
  await using other = await serve([], { place });
  await using mine = await openPlace();
  const [clients, admin] = [new URL(other.ready.clients).host, new URL(other.ready.admin).host];
  const environment = { MILLRACE__LISTEN__ADDRESS: clients, MILLRACE__ADMIN__LISTEN: admin };
  const ended = await millrace(['serve'], { place: mine, environment });
  assert.equal(ended.code, 1);
  assert.match(ended.err, new RegExp(`^cannot start: ${clients} and ${admin} are in use .*\n$`));
  assert.match(ended.err, /MILLRACE__LISTEN__ADDRESS=\S+ MILLRACE__ADMIN__LISTEN=/);
});

test('a data folder and secrets that others may write are warned of at the start', async () => {
  await using place = await openPlace();
  await (await serve([], { place })).stop();
  await chmod(place.path('.millrace'), 0o777);
  await chmod(place.path('.millrace/admin-token'), 0o666);
  await using gateway = await serve([], { place });
  const warnings = jsonLines(gateway.out()).filter(({ level }) => level === 40);
  assert.equal(warnings.length, 2);
  assert.match(String(warnings[0]?.['msg']), /\.millrace may be written by others .* replace the client key/);
  assert.match(String(warnings[1]?.['msg']), /admin-token may be written by others/);
});

if (process.platform === 'linux') {
  test('a data folder where none can be made is told in one line', async () => {
    await using place = await openPlace();
    const ended = await millrace(['serve'], { place, environment: { MILLRACE__DATA: '/proc/millrace' } });
    assert.equal(ended.code, 1);
    assert.match(ended.err, /^cannot start: .*\/proc\/millrace .*; .*MILLRACE__DATA=FOLDER\n$/);
  });
}

test('a data folder that is a file is told in one line', async () => {
  await using place = await openPlace();
  await place.write('.millrace', '');
  const ended = await millrace(['serve'], { place });
  assert.equal(ended.code, 1);
  assert.match(ended.err, /^cannot start: .*is not a folder; .*\n$/);
});

for (const kind of ['throw new Error("boom")', 'Promise.reject(new Error("boom"))']) {
  test(`after ${kind} nothing new is taken, what is in flight ends, and the exit code is 1`, async () => {
    await using place = await openPlace();
    await place.write('millrace.yaml', 'upstreams: { calm: { type: simulator, firstTokenMs: 400 } }\n');
    const trap = `process.on("SIGUSR2",()=>setImmediate(()=>{${kind}}))`;
    await using gateway = await serve([], {
      place,
      nodeOptions: ['--import', `data:text/javascript,${encodeURIComponent(trap)}`],
    });
    const { inFlight } = await asked(gateway);
    const ended = gateway.stop('SIGUSR2');
    assert.equal((await inFlight).status, 200);
    assert.equal((await ended).code, 1);
    assert.match((await ended).out, /a mistake of the gateway itself/);
    assert.match((await ended).out, /boom/);
  });
}

test('SIGTERM lets what is in flight end, keeps nobody’s idle connection waiting, and is no failure (G23)', async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', 'upstreams: { calm: { type: simulator, firstTokenMs: 400 } }\n');
  await using gateway = await serve([], { place });
  const { inFlight } = await asked(gateway);
  const ending = gateway.stop('SIGTERM');
  assert.equal((await inFlight).status, 200);
  const ended = await ending;
  assert.equal(ended.code, 0);
  await assertQuick(ended.tookMs, 3_000, place);
});

test('a second SIGTERM waits for nobody, and whoever is cut off is told (G23)', async () => {
  await using place = await openPlace();
  await place.write('millrace.yaml', 'upstreams: { calm: { type: simulator, tokensPerSecond: 1 } }\n');
  await using gateway = await serve([], { place });
  const stream = await gateway.chat({ max_tokens: 500, stream: true });
  const ending = gateway.stop('SIGTERM');
  await gateway.line(({ signal }) => signal === 'SIGTERM');
  gateway.child.kill('SIGTERM');
  assert.match(await stream.text(), /server_draining/);
  const ended = await ending;
  assert.equal(ended.code, 0);
  await assertQuick(ended.tookMs, 3_000, place);
});

/** A request that is seen to be under way. */
async function asked(gateway: RunningProcess): Promise<{ readonly inFlight: Promise<Response> }> {
  // The admin API is loaded by its first request, which may take longer than this one's answer.
  await gateway.admin('status');
  const inFlight = gateway.chat({ max_tokens: 5 });
  let answered = false;
  const note = () => {
    answered = true;
  };
  void inFlight.then(note, note);
  while (!answered) {
    const status = (await (await gateway.admin('status')).json()) as { inFlight: number };
    if (status.inFlight > 0) return { inFlight };
  }
  return assert.fail('the request was answered before it could be seen in flight');
}

test('closing the terminal ends the gateway that was started on it, and its ports are free', async () => {
  await using place = await openPlace();
  const terminal = openTerminal(['serve'], { place });
  await terminal.shows(/Ctrl-C/);
  const { pid, clients } = JSON.parse(await readFile(place.path('.millrace/running.json'), 'utf8')) as {
    pid: number;
    clients: string;
  };
  terminal.close();
  await until('it has ended', () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
  await assert.rejects(fetch(`${clients}/livez`));
});
