import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { array, constantFrom, assert as holds, oneof, property, string } from 'fast-check';
import { type LoadedConfig, loadConfig } from './load.ts';
import { ConfigError } from './problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-config-'));
after(() => rmSync(folder, { recursive: true }));
const open = '$' + '{';
const strongKey = 'p4Zx91LmQw82Ks0vTy';

test('without a file there are defaults, on loopback alone', () => {
  const { config, files, warnings } = loadConfig({ env: {} });
  assert.deepEqual(config.listen.address, { host: '127.0.0.1', port: 7070 });
  assert.deepEqual(config.admin.listen, { host: '127.0.0.1', port: 7071 });
  assert.equal(config.listen.keepAliveMs, 65_000);
  assert.equal(config.auth, 'keys');
  assert.equal(config.queue.bytes, 64 * 1024 * 1024);
  assert.deepEqual(config.limits[0], { per: 'key', requests: { count: 6000, perMs: 60_000 }, burst: 1000 });
  assert.deepEqual({ files, warnings }, { files: [], warnings: [] });
});

test('a file as in the documentation loads, with the defaults of each part', () => {
  const { config } = load({
    'millrace.yaml': [
      'listen: 127.0.0.1:7070',
      'keys: [ { name: app, key: "env:APP_KEY" } ]',
      'upstreams:',
      '  gpu: { type: ollama }',
      '  cloud: { type: openai, key: "env:CLOUD", headers: { x-team: a } }',
      '  try: { type: simulator, firstTokenMs: 0 }',
      '  local: { type: llamacpp, file: ./model.gguf }',
      'models:',
      '  gemma:',
      '    targets: [ { upstream: gpu, model: "gemma2:2b" }, { upstream: cloud, model: gpt-4o-mini, tier: 2, weight: 1 } ]',
      'defaultModel: gemma',
    ],
    env: { APP_KEY: strongKey, CLOUD: 'sk-anything' },
  });
  const { gpu, cloud, local } = config.upstreams;
  assert.ok(gpu?.type === 'ollama' && cloud?.type === 'openai' && local?.type === 'llamacpp');
  assert.equal(gpu.url, 'http://127.0.0.1:11434');
  assert.deepEqual(
    [gpu.connections, gpu.idlePerHost, gpu.keepAliveMs, gpu.connectMs],
    [100, 20, 30_000, 5_000],
  );
  assert.equal(cloud.key?.reveal(), 'sk-anything');
  assert.equal(cloud.headers['x-team']?.reveal(), 'a');
  assert.equal(local.file, join(folder, 'model.gguf'));
  const gemma = config.models['gemma'];
  assert.deepEqual(gemma?.clocks, {
    connectMs: 5_000,
    firstTokenMs: 60_000,
    loadMs: 300_000,
    idleMs: 60_000,
    totalMs: 600_000,
    queueMs: 30_000,
  });
  assert.deepEqual(gemma?.targets[1], { upstream: 'cloud', model: 'gpt-4o-mini', tier: 2, weight: 1 });
  assert.equal(config.keys[0]?.role, 'developer');
});

test('JSON, a byte-order mark, anchors and aliases are read', () => {
  assert.equal(load({ 'millrace.yaml': ['\uFEFF{ "queue": { "places": 7 } }'] }).config.queue.places, 7);
  const { config } = load({
    'millrace.yaml': [
      'upstreams:',
      '  a: &fast { type: simulator, tokensPerSecond: &speed 500 }',
      '  b: *fast',
      '  c: { type: simulator, tokensPerSecond: *speed }',
    ],
  });
  assert.deepEqual(config.upstreams['a'], config.upstreams['b']);
  assert.deepEqual(config.upstreams['a'], config.upstreams['c']);
});

test('the result is frozen all the way down', () => {
  const { config } = load({
    'millrace.yaml': [
      'models: { m: { targets: [ { upstream: u, model: x } ] } }',
      'upstreams: { u: { type: simulator } }',
    ],
  });
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    assert.ok(Object.isFrozen(value), inspect(value));
    for (const item of Object.values(value)) visit(item);
  };
  visit(config);
});

test('variables stand for text, numbers and booleans, with defaults and an escape', () => {
  const { config } = load({
    'millrace.yaml': [
      `listen: 127.0.0.1:${open}PORT}`,
      `queue: { places: "${open}PLACES}", bytes: "${open}BYTES:-1MiB}" }`,
      `operator: { beyondLoopback: "${open}OPEN}" }`,
      `retries: { attempts: "${open}NONE:-3}" }`,
      `data: "/tmp/$${open}literal}"`,
    ],
    env: { PORT: '7171', PLACES: '5', OPEN: 'true', NONE: '' },
  });
  assert.equal(config.listen.address.port, 7171);
  assert.deepEqual([config.queue.places, config.queue.bytes], [5, 1_048_576]);
  assert.equal(config.operator.beyondLoopback, true);
  assert.equal(config.retries.attempts, 3);
  assert.equal(config.data, `/tmp/${open}literal}`);
});

test('what comes out of a variable is text, not YAML', () => {
  const text = '{ type: openai, url: http://evil } # "';
  const { config } = load({
    'millrace.yaml': ['upstreams:', `  a: { type: openai, key: "${open}KEY}" }`],
    env: { KEY: text },
  });
  const upstream = config.upstreams['a'];
  assert.equal(upstream?.type === 'openai' ? upstream.key?.reveal() : '', text);
});

test('files are included, relative to the one that names them, and joined map by map', () => {
  const { config, files } = load({
    'millrace.yaml': [
      'include: [ parts/upstreams.yaml, parts/queue.yaml ]',
      'upstreams: { b: { type: simulator } }',
    ],
    'parts/upstreams.yaml': ['include: more.yaml', 'upstreams: { a: { type: simulator } }'],
    'parts/more.yaml': ['upstreams: { c: { type: llamacpp, file: c.gguf } }'],
    'parts/queue.yaml': ['queue: { places: 9 }'],
  });
  assert.deepEqual(Object.keys(config.upstreams).sort(), ['a', 'b', 'c']);
  assert.equal(config.queue.places, 9);
  const c = config.upstreams['c'];
  assert.equal(c?.type === 'llamacpp' ? c.file : '', join(folder, 'parts', 'c.gguf'));
  assert.deepEqual(
    files,
    ['millrace.yaml', 'parts/upstreams.yaml', 'parts/more.yaml', 'parts/queue.yaml'].map((name) =>
      join(folder, name),
    ),
  );
});

test('a value that two files set is a problem in the second, which names the first (G24)', () => {
  const problems = refused({
    'millrace.yaml': ['include: queue.yaml', 'queue:', '  places: 4'],
    'queue.yaml': ['queue:', '  bytes: 1MiB', '  places: 3'],
  });
  assert.deepEqual(problems, [
    `${join(folder, 'millrace.yaml')}:3:3: queue.places: is set already at ${join(folder, 'queue.yaml')}:3:3; one file alone may set it`,
  ]);
});

test('files that include each other in a circle, too deep or too many are refused (G24)', () => {
  const circle = refused({ 'millrace.yaml': ['include: a.yaml'], 'a.yaml': ['include: millrace.yaml'] });
  assert.match(circle.join(), /a\.yaml:1:10: include: these files include each other in a circle/);
  const chain = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`deep-${index}.yaml`, [`include: deep-${index + 1}.yaml`]]),
  );
  const deep = refused({
    ...chain,
    'millrace.yaml': ['include: deep-0.yaml'],
    'deep-20.yaml': ['auth: keys'],
  });
  assert.match(deep.join(), /more than 16 deep/);
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`many-${index}.yaml`, ['{}']]));
  const wide = refused({ ...many, 'millrace.yaml': [`include: [${Object.keys(many).join(', ')}]`] });
  assert.match(wide.join(), /more than 64 files are included/);
});

test('a problem of an included file is shown there, and hides no other file’s', () => {
  const problems = refused({
    'millrace.yaml': ['include: a.yaml', 'tools: {}', 'defaultModel: maybe-in-a'],
    'a.yaml': ['queue: [', ''],
  });
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? '', /millrace\.yaml:2:1: `tools` is not built yet/);
  assert.match(problems[1] ?? '', /a\.yaml:/);
});

test('the environment sets any key, over what the files say', () => {
  const { config } = load({
    'millrace.yaml': [
      'listen: 127.0.0.1:7070',
      'queue: { places: 3 }',
      'upstreams: { gpu-a: { type: ollama, slots: 1 } }',
    ],
    env: {
      MILLRACE__QUEUE__PLACES: '64',
      MILLRACE__LISTEN__KEEP_ALIVE_MS: '1234',
      millrace__queue__places: 'another tool’s',
      MILLRACE__TELEMETRY__METRICS__ONCLIENTPORT: 'never',
      MILLRACE__UPSTREAMS__GPU_A__SLOTS: '4',
      MILLRACE__UPSTREAMS__NEW__TYPE: 'simulator',
      MILLRACE__KEYS__0__NAME: 'first',
      MILLRACE__KEYS__0__KEY: strongKey,
      MILLRACE__OPERATOR__BEYOND_LOOPBACK: 'true',
    },
  });
  assert.equal(config.queue.places, 64);
  assert.equal(config.listen.address.port, 7070);
  assert.equal(config.listen.keepAliveMs, 1234);
  assert.equal(config.telemetry.metrics.onClientPort, 'never');
  const gpu = config.upstreams['gpu-a'];
  assert.equal(gpu?.type === 'ollama' ? gpu.slots : 0, 4);
  assert.equal(config.upstreams['new']?.type, 'simulator');
  assert.equal(config.keys[0]?.key.reveal(), strongKey);
  assert.equal(config.operator.beyondLoopback, true);
});

test('a wrong variable is a problem under its own name (P11)', () => {
  const problems = refused({
    env: { MILLRACE__QUEUE__PLACES: 'canary', MILLRACE__RETRIES__ATEMPTS: '3', MILLRACE__KEYS__5__NAME: 'x' },
  });
  assert.ok(
    problems.includes('MILLRACE__QUEUE__PLACES: queue.places: must be a number'),
    problems.join('\n'),
  );
  assert.ok(
    problems.includes(
      'MILLRACE__RETRIES__ATEMPTS: retries: `atempts` is not a key that may stand here; did you mean `attempts`?',
    ),
    problems.join('\n'),
  );
  assert.doesNotMatch(problems.join(), /canary/);
});

test('the variables of older gateways are honoured and named, and a file has the last word', () => {
  const env = { KEEPALIVE_TIMEOUT: '75', WORKER_CONNECTIONS: '2048', MAX_WORKERS: '4', DAILY_BUDGET: '10' };
  const alone = loadConfig({ env });
  assert.equal(alone.config.listen.keepAliveMs, 75_000);
  assert.equal(alone.config.listen.connectionsMax, 2048);
  const alertAt = [0.5, 0.8, 1];
  assert.deepEqual(alone.config.budgets, [{ per: 'global', usd: 10, window: 'day', alertAt }]);
  assert.equal(loadConfig({ env: { DAILY_BUDGET: '0.25' } }).config.budgets[0]?.usd, 0.25);
  const budgets = ['budgets: [ { per: key, requests: 1000, window: month } ]'];
  const ownBudgets = load({ 'millrace.yaml': budgets, env: { DAILY_BUDGET: '10' } });
  assert.deepEqual(ownBudgets.warnings, ['DAILY_BUDGET is not used: the configuration sets budgets']);
  assert.deepEqual(alone.warnings, [
    'KEEPALIVE_TIMEOUT sets listen.keepAliveMs',
    'WORKER_CONNECTIONS sets listen.connectionsMax',
    'MAX_WORKERS is not used: workers count limits and budgets together through Redis alone, so one process serves; ' +
      'set `shared: redis://HOST:PORT` for more',
    'DAILY_BUDGET sets budgets[0].usd',
  ]);
  const withFile = load({ 'millrace.yaml': ['listen: { keepAliveMs: 5000 }'], env });
  assert.equal(withFile.config.listen.keepAliveMs, 5000);
  assert.equal(
    withFile.warnings[0],
    'KEEPALIVE_TIMEOUT is not used: the configuration sets listen.keepAliveMs',
  );
  assert.equal(alone.config.workers.count, 1);
  const shared = load({ 'millrace.yaml': ['shared: redis://127.0.0.1:6379'], env: { MAX_WORKERS: '4' } });
  assert.equal(shared.config.workers.count, 4);
  assert.ok(shared.warnings.includes('MAX_WORKERS sets workers'));
  const own = load({ 'millrace.yaml': ['shared: redis://127.0.0.1:6379', 'workers: 2'], env });
  assert.equal(own.config.workers.count, 2);
  const named = { MILLRACE__WORKERS__COUNT: '3', MILLRACE__WORKERS__HUNG_MS: '2000' };
  const text = ['shared: redis://127.0.0.1:6379', 'workers: auto'];
  assert.deepEqual(load({ 'millrace.yaml': text, env: named }).config.workers, { count: 3, hungMs: 2_000 });
  assert.deepEqual(refused({ env: { KEEPALIVE_TIMEOUT: 'soon' } }), [
    'KEEPALIVE_TIMEOUT: listen.keepAliveMs: must be a number',
  ]);
});

test('secrets come from the environment, from files beside the one that names them, or literally with a warning', () => {
  const { config, warnings } = load({
    'millrace.yaml': ['include: parts/keys.yaml', 'admin: { token: "env:TOKEN" }'],
    'parts/keys.yaml': [
      'keys:',
      '  - { name: a, key: "file:secrets/a" }',
      `  - { name: b, key: ${strongKey} }`,
    ],
    'parts/secrets/a': [`  ${strongKey}-from-file`, ''],
    env: { TOKEN: `${strongKey}${strongKey}` },
  });
  assert.equal(config.keys[0]?.key.reveal(), `${strongKey}-from-file`);
  assert.equal(config.admin.token?.reveal(), strongKey + strongKey);
  assert.deepEqual(warnings, [
    `${join(folder, 'parts/keys.yaml')}:3:21: keys[1].key: is written out; \`env:NAME\` or \`file:PATH\` keeps it elsewhere`,
  ]);
  const printed = `${inspect(config, { depth: 9 })} ${JSON.stringify(config)}`;
  assert.doesNotMatch(printed, new RegExp(strongKey));
});

test('the id is the same for the same configuration, and another for another, secrets included (G24)', () => {
  const text = { 'millrace.yaml': ['keys: [ { name: a, key: "env:K" } ]'] };
  const first = load({ ...text, env: { K: strongKey } });
  const again = load({ 'millrace.yaml': ['# moved', '', ...text['millrace.yaml']], env: { K: strongKey } });
  const rotated = load({ ...text, env: { K: `${strongKey}2` } });
  assert.match(first.id, /^[0-9a-f]{12}$/);
  assert.equal(again.id, first.id);
  assert.notEqual(rotated.id, first.id);
});

test('any text either loads or is refused with reasons: nothing else is ever thrown (G24, P9)', () => {
  const pieces = constantFrom(
    ...[
      'listen',
      'upstreams',
      'models',
      'keys',
      'include',
      'auth',
      'queue',
      'places',
      'targets',
      'type',
      'x',
    ],
    ...[
      ': ',
      ':\n  ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '&a ',
      '*a',
      '!!int ',
      '? ',
      '| \n',
      '> \n',
      '---\n',
    ],
    ...[
      open,
      `${open}HOME}`,
      'env:HOME',
      'file:.',
      '~',
      '1',
      '-0',
      '.nan',
      'true',
      '\t',
      '\0',
      '#',
      '%YAML 1.1\n',
      '<<',
      '__proto__',
    ],
  );
  const text = oneof(
    string({ unit: 'binary' }),
    array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
  );
  const path = join(folder, 'any.yaml');
  const inside = property(text, (content) => {
    writeFileSync(path, content);
    try {
      loadConfig({ path, env: { HOME: 'home' } });
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${inspect(content)} gave ${inspect(error)}`);
      assert.ok(error.problems.length > 0);
      for (const problem of error.problems) assert.ok(problem.line >= 0 && problem.column >= 0);
    }
  });
  void holds(inside, { numRuns: 1500 });
});

test('aliases cannot multiply without end (P9)', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level += 1) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')}]`);
  }
  assert.match(refused({ 'millrace.yaml': lines }).join(), /the file holds too many values/);
});

type Given = Readonly<Record<string, readonly string[]>> | { readonly env: Readonly<Record<string, string>> };

function load(given: Given): LoadedConfig {
  const { env = {}, ...files } = given as { env?: Record<string, string> } & Record<string, string[]>;
  for (const [name, lines] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), lines.join('\n'));
  }
  const path = 'millrace.yaml' in files ? { path: resolve(folder, 'millrace.yaml') } : {};
  return loadConfig({ ...path, env });
}

function refused(given: Given): string[] {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split('\n');
  }
  return assert.fail('it was accepted');
}
