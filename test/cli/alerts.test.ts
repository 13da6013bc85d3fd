// Whoever is to be told when something is wrong is tried by a verb, which says what each of them answered.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openReceiver, type ScriptedReceiver, secret, status } from '../alerts/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

let place: Place;
let gateway: RunningProcess;

before(async () => {
  place = await openPlace();
  await place.write('millrace.yaml', 'upstreams: { engine: { type: simulator } }\n');
  gateway = await serve([], { place });
});

after(async () => {
  await gateway.stop();
  await place[Symbol.asyncDispose]();
});

test('`millrace alerts test` fails while nobody would be told, and says so', async () => {
  const tested = await runVerb(['alerts', 'test'], { place });
  assert.equal(tested.code, 1);
  assert.match(tested.err, /nobody is told/);
});

test('`millrace alerts test` tells what each receiver answered, and `millrace alerts` what became of alerts', async (t) => {
  const clock = createHeldClock();
  const good = await openReceiver(t, clock, [status(200)]);
  const bad = await openReceiver(t, clock, [status(404)]);
  await tell([good]);
  const all = await runVerb(['alerts', 'test'], { place });
  assert.equal(all.code, 0, all.err);
  assert.match(all.out, /^webhook 127\.0\.0\.1:\d+ +taken *$/m);
  await tell([good, bad]);
  const some = await runVerb(['alerts', 'test'], { place });
  assert.equal(some.code, 1);
  assert.match(some.out, /^webhook 127\.0\.0\.1:\d+ +not taken +it answered with status 404$/m);
  assert.deepEqual([good.received.length, bad.received.length], [2, 1]);
  const listed = await runVerb(['alerts', '--json'], { place });
  const { receivers } = JSON.parse(listed.out) as { receivers: readonly { delivered: number }[] };
  assert.deepEqual(
    receivers.map(({ delivered }) => delivered),
    [0, 0],
  );
  assert.doesNotMatch(all.out + some.out + listed.out, /token-canary|whsec_/);
});

test('an action that is not known is refused by name', async () => {
  const answer = await runVerb(['alerts', 'tets'], { place });
  assert.equal(answer.code, 2);
  assert.match(answer.err, /there are list and test/);
});

async function tell(receivers: readonly ScriptedReceiver[]): Promise<void> {
  const to = receivers.map(({ url }) => ({ webhook: url, secret }));
  const config = { upstreams: { engine: { type: 'simulator' } }, alerts: { to } };
  await place.write('millrace.yaml', JSON.stringify(config));
  const reloaded = await runVerb(['reload'], { place });
  assert.equal(reloaded.code, 0, reloaded.err);
}
