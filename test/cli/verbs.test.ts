import assert from 'node:assert/strict';
import { readFile, realpath, stat } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { verbs } from '../../src/cli/verbs.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { millrace, openPlace, type Place, type RunningProcess, serve, unread } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

let place: Place;
let gateway: RunningProcess;

before(async () => {
  place = await openPlace();
  await place.write(
    'millrace.yaml',
    `defaultModel: fast
upstreams: { engine: { type: simulator, firstTokenMs: 0, tokensPerSecond: 0 } }
models: { fast: { targets: [{ upstream: engine, model: simulator }] } }
keys: [{ name: alice, key: "sk-8f2a6c1e9b7d4035", tenant: lab, role: viewer }]
`,
  );
  gateway = await serve([], { place });
});

after(async () => {
  await gateway.stop();
  await place[Symbol.asyncDispose]();
});

for (const verb of verbs) {
  test(`${verb.name} --help says what it does, with examples`, async () => {
    const ended = await runVerb([verb.name, '--help'], { place });
    assert.equal(ended.code, 0, ended.err);
    assert.match(ended.out, new RegExp(`Usage: millrace ${verb.name}`));
    assert.match(ended.out, /Examples:\n {2}.*millrace /);
  });
}

test('what is no command is refused with the nearest one, exit code 2', async () => {
  const ended = await millrace(['relaod'], { place });
  assert.equal(ended.code, 2);
  assert.match(ended.err, /did you mean `reload`/);
  assert.equal((await millrace(['serve', '--no-such-option'], { place })).code, 2);
  assert.equal((await millrace(['completion', 'tcsh'], { place })).code, 2);
  assert.equal((await millrace(['bench', '--rate', 'much'], { place })).code, 2);
});

test('version, as text and for programs', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  assert.match((await millrace(['version'], { place })).out, new RegExp(`^millrace ${version} `));
  const facts = JSON.parse((await millrace(['version', '--json'], { place })).out) as Record<string, string>;
  assert.equal(facts['version'], version);
  assert.equal(facts['node'], process.versions.node);
});

test('models, ps and keys tell what the running gateway knows, and never a key', async () => {
  const models = await runVerb(['models'], { place });
  assert.match(models.out, /^fast \(default\) +configuration +auto +engine\/simulator$/m);
  const ps = await runVerb(['ps'], { place });
  assert.match(ps.out, /^engine +simulator +up +0\/4 +1$/m);
  const keys = await runVerb(['keys'], { place });
  assert.match(keys.out, /^first +default +operator/m);
  assert.match(keys.out, /^alice +lab +viewer/m);
  for (const verb of ['models', 'ps', 'queue', 'keys']) {
    const ended = await runVerb([verb, '--json'], { place });
    assert.equal(ended.code, 0, ended.err);
    assert.equal(typeof JSON.parse(ended.out), 'object');
    assert.equal(ended.out.includes('sk-'), false);
  }
});

test('ps shows what runs where at this moment', async () => {
  const slow = await openPlace();
  await slow.write('millrace.yaml', 'upstreams: { engine: { type: simulator, tokensPerSecond: 1 } }\n');
  await using busy = await serve([], { place: slow });
  const answer = await busy.chat({ stream: true });
  const shown = JSON.parse((await runVerb(['ps', '--json'], { place: slow })).out) as {
    running: { model: string; upstream: string; inFlight: number }[];
  };
  assert.deepEqual(
    shown.running.map(({ model, upstream, inFlight }) => ({ model, upstream, inFlight })),
    [{ model: 'simulator', upstream: 'engine', inFlight: 1 }],
  );
  await answer.body?.cancel();
  await busy.stop();
  await slow[Symbol.asyncDispose]();
});

test('the admin API is named by flags or environment as well, and a wrong token is told', async () => {
  await using elsewhere = await openPlace();
  const { admin } = gateway.ready;
  const token = await gateway.token();
  const byFlags = await runVerb(['keys', '--admin', admin, '--token', token], { place: elsewhere });
  assert.equal(byFlags.code, 0, byFlags.err);
  const byEnvironment = await runVerb(['keys', '--admin', admin], {
    place: elsewhere,
    environment: { MILLRACE_ADMIN_TOKEN: token },
  });
  assert.equal(byEnvironment.code, 0, byEnvironment.err);
  const wrong = await runVerb(['keys', '--admin', admin, '--token', 'wrong'], { place: elsewhere });
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /admin token/);
});

test('without a running gateway the verbs that need one say how to start it', async () => {
  await using empty = await openPlace();
  const never = await runVerb(['ps'], { place: empty });
  assert.equal(never.code, 1);
  assert.match(never.err, /no gateway has run .*`node .*bin\/millrace\.js serve`/);
  await empty.write('elsewhere.yaml', 'data: ./elsewhere\nadmin: { token: env:NOT_IN_THIS_SHELL }\n');
  const unset = await millrace(['ps', '--config', 'elsewhere.yaml'], { place: empty });
  assert.equal(unset.code, 2);
  assert.match(unset.err, /no variable NOT_IN_THIS_SHELL/);
  assert.match(unset.err, /say --admin URL and --token/);
  const gone = await serve([], { place: empty });
  await gone.stop();
  const since = await runVerb(['ps'], { place: empty });
  assert.equal(since.code, 1);
  assert.match(since.err, /millrace\.js serve/);
  const started = { npm_lifecycle_event: 'start', npm_package_name: 'millrace' };
  const byNpm = await runVerb(['ps'], { place: empty, environment: started });
  assert.match(byNpm.err, /`npm run millrace -- serve`/);
});

test('keys show names the file, and keys new --configuration makes a key that the printed line lets in', async () => {
  await using other = await openPlace();
  const shown = await runVerb(['keys', 'show'], { place });
  assert.match(shown.out, /client-key/);
  assert.equal(shown.out.includes(await gateway.key()), false);
  const made = JSON.parse(
    (await runVerb(['keys', 'new', 'bob', '--configuration', '--json'], { place: other })).out,
  ) as {
    key: string;
    variable: string;
    configuration: string;
  };
  await other.write(
    'millrace.yaml',
    `upstreams: { engine: { type: simulator } }\nkeys:\n  ${made.configuration}\n`,
  );
  await using mine = await serve([], { place: other, environment: { [made.variable]: made.key } });
  const headers = { authorization: `Bearer ${made.key}` };
  assert.equal((await fetch(`${mine.ready.clients}/v1/models`, { headers })).status, 200);
  assert.equal((await runVerb(['keys', 'new'], { place: other })).code, 2);
});

test('check says what is right and what is wrong, with the exit code to match; --schema prints the schema', async () => {
  await using mine = await openPlace();
  await mine.write('good.yaml', 'upstreams: { engine: { type: simulator } }\n');
  await mine.write('bad.yaml', 'upstreams: { engine: { typ: simulator } }\n');
  const good = await runVerb(['check', '-c', 'good.yaml'], { place: mine });
  assert.equal(good.code, 0, good.err);
  assert.match(good.out, /1 upstream/);
  const bad = await runVerb(['check', '-c', 'bad.yaml'], { place: mine });
  assert.equal(bad.code, 2);
  assert.match(bad.err, /bad\.yaml:1:/);
  const json = JSON.parse((await runVerb(['check', '-c', 'bad.yaml', '--json'], { place: mine })).out) as {
    ok: boolean;
    problems: { line: number }[];
  };
  assert.equal(json.ok, false);
  assert.equal(json.problems[0]?.line, 1);
  const schema = JSON.parse((await runVerb(['check', '--schema'], { place: mine })).out) as {
    title: string;
  };
  assert.equal(schema.title, 'Millrace configuration');
});

test('init writes what it found as a configuration that check accepts, and replaces nothing unasked', async () => {
  await using mine = await openPlace();
  const ollama = await openFakeLlm({ models: ['gemma:2b'] });
  try {
    const environment = { OLLAMA_HOST: ollama.url, OPENAI_API_KEY: 'canary-key' };
    const made = await runVerb(['init', '--output', 'made.yaml'], { place: mine, environment });
    assert.equal(made.code, 0, made.err);
    const text = await mine.read('made.yaml');
    const [, schema = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    assert.ok((await stat(mine.path(schema))).size > 1_000);
    assert.match(text, /^defaultModel: ollama\/gemma:2b$/m);
    assert.equal(text.includes('canary-key'), false);
    assert.match(
      made.out,
      /check --config \S+made\.yaml` reads it, .*serve --config \S+made\.yaml` runs by it/,
    );
    const checked = await runVerb(['check', '--config', 'made.yaml'], { place: mine, environment });
    assert.equal(checked.code, 0, checked.err);
    const again = await runVerb(['init', '--output', 'made.yaml'], { place: mine, environment });
    assert.equal(again.code, 1);
    assert.match(again.err, /--force/);
    const forced = await runVerb(['init', '--output', 'made.yaml', '--force', '--json'], {
      place: mine,
      environment,
    });
    assert.equal(forced.code, 0);
    assert.equal((JSON.parse(forced.out) as { file: string }).file, await realpath(mine.path('made.yaml')));
  } finally {
    await ollama.close();
  }
});

test('run answers a question from the command line and from a pipe', async () => {
  const asked = await millrace(['run', 'fast', 'What', 'turns?'], { place });
  assert.equal(asked.code, 0, asked.err);
  assert.match(asked.out, /You said: “What turns\?”/);
  const piped = await millrace(['run', 'fast'], { place, input: 'A wheel.\n' });
  assert.match(piped.out, /You said: “A wheel\.”/);
  const unknown = await millrace(['run', 'fats', 'hi'], { place });
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /fast/);
});

test('a reader that leaves ends a verb as it ends any program: quietly, with 141', async () => {
  for (const args of [
    ['models', '--json'],
    ['completion', 'bash'],
    ['run', 'fast', 'What turns?'],
    ['--help'],
  ]) {
    const ended = await unread(args, { place });
    assert.deepEqual(ended, { code: 141, err: '' }, args.join(' '));
  }
});

test('bench measures and tells, for people and for programs', async () => {
  const args = ['bench', 'fast', '--seconds', '1', '--connections', '2'];
  const told = await millrace(args, { place });
  assert.equal(told.code, 0, told.err);
  assert.match(told.out, /answers in .* 0 failed/);
  assert.match(told.out, /^first content +\d/m);
  const json = JSON.parse(
    (await millrace([...args, '--whole', '--rate', '20', '--json'], { place })).out,
  ) as {
    completed: number;
    total: { p99Us: number };
  };
  assert.ok(json.completed >= 15 && json.completed <= 21, String(json.completed));
  assert.ok(json.total.p99Us > 0);
});

test('completion knows every verb, for three shells', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const ended = await runVerb(['completion', shell], { place });
    assert.equal(ended.code, 0, ended.err);
    for (const verb of verbs) assert.ok(ended.out.includes(verb.name), `${shell}: ${verb.name}`);
  }
});
