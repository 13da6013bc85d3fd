// The configuration of a running gateway by the command line, and what a restart keeps of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

let place: Place;
let gateway: RunningProcess;
const file = '# ours\nupstreams: { engine: { type: simulator } } # one\n';

before(async () => {
  place = await openPlace();
  await place.write('millrace.yaml', file);
  gateway = await serve([], { place });
});
after(async () => {
  await gateway.stop();
  await place[Symbol.asyncDispose]();
});

const config = (...words: string[]) => runVerb(['config', ...words], { place });

async function shown(): Promise<{ version: number; from: string; text: string }> {
  const { out, code, err } = await config('show', '--json');
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

test('a configuration is shown, looked at, applied, told of and undone', async () => {
  assert.equal((await config()).out, `${file.trimEnd()}\n`);
  await place.write('new.yaml', `${file}queue: { places: 7 }\n`);
  await place.write('bad.yaml', `${file}queue: { places: many }\n`);
  const bad = await config('validate', 'bad.yaml');
  assert.equal(bad.code, 2);
  assert.match(bad.err, /^bad\.yaml:3:\d+: queue\.places: /m);
  const good = await config('validate', 'new.yaml');
  assert.deepEqual([good.code, good.out], [0, 'nothing is wrong with it\n']);
  const differs = await config('diff', 'new.yaml');
  assert.deepEqual([differs.code, differs.out], [0, '- queue.places: 1024\n+ queue.places: 7\n']);
  assert.equal((await config('diff', 'bad.yaml')).code, 2);
  assert.equal((await config('apply', 'bad.yaml')).code, 2);
  const applied = await config('apply', 'new.yaml');
  assert.equal(applied.code, 0, applied.err);
  assert.match(applied.out, /^version 2 is in force/);
  assert.equal((await config('show', '1')).out, `${file.trimEnd()}\n`);
  const set = await config('set', 'upstreams', 'second', '{ type: simulator, slots: 2 }');
  assert.equal(set.code, 0, set.err);
  assert.match((await shown()).text, /second: .*# one/);
  assert.equal((await config('unset', 'upstreams', 'second')).code, 0);
  const back = await config('rollback', '1', '--json');
  assert.equal(JSON.parse(back.out).version, 5);
  const history = await config('history');
  assert.match(history.out, /^5 .* rollback +rollback to 1/m);
  assert.match(history.out, /^1 .* file /m);
});

test('what was applied is in force after a restart; a file that was changed meanwhile is newer', async () => {
  await place.write('new.yaml', `${file}queue: { places: 8 }\n`);
  assert.equal((await config('apply', 'new.yaml')).code, 0);
  await gateway.stop();
  gateway = await serve([], { place });
  const kept = await shown();
  assert.deepEqual([kept.from, kept.version], ['applied', 6]);
  assert.match(kept.text, /places: 8/);
  await gateway.stop();
  await place.write('millrace.yaml', `${file}queue: { places: 9 }\n`);
  gateway = await serve([], { place });
  const newer = await shown();
  assert.equal(newer.from, 'file');
  assert.match(newer.text, /places: 9/);
  await until('it is a version', async () => (await shown()).version === 7);
});

test('words that cannot be meant are refused with what can', async () => {
  for (const [words, says] of [
    [['aply'], /there are show, validate, diff, apply/],
    [['apply'], /name the file/],
    [['rollback', 'two'], /number of a version/],
    [['set', 'listen', '0.0.0.0'], /say what: upstreams, models, prices, limits, budgets/],
    [['set', 'limits', 'many'], /as YAML or JSON/],
  ] as const) {
    const { code, err } = await config(...words);
    assert.equal(code, 2);
    assert.match(err, says);
  }
  const budgets = await runVerb(['budgets'], { place });
  assert.equal(budgets.code, 0, budgets.err);
});
