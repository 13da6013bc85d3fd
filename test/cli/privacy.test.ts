/** Export and erasure from the command line, against a running gateway. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { millrace, openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
import { runVerb, type Said } from './run-verb.ts';

let place: Place;
let gateway: RunningProcess;

before(async () => {
  place = await openPlace();
  await place.write('millrace.yaml', 'upstreams: { engine: { type: simulator, tokensPerSecond: 0 } }\n');
  gateway = await serve([], { place });
});
after(async () => {
  await gateway.stop();
  await place[Symbol.asyncDispose]();
});

/** What is exported goes on as it comes, straight to the output of the process. */
const run = (...args: string[]): Promise<Said> =>
  args[1] === 'export' ? millrace(args, { place }) : runVerb(args, { place });

async function done(...args: string[]): Promise<string> {
  const ended = await run(...args);
  assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.err}`);
  return ended.out;
}

test('what is kept of a user is exported as JSON, erased when it is meant, and what remains is told', async () => {
  await done('tenants', 'new', 'acme');
  await done('users', 'new', 'ada@example.org', '--tenant', 'acme');
  const exported = JSON.parse(await done('privacy', 'export', 'acme/ada@example.org'));
  assert.deepEqual([exported.user, exported.directory[0].kind], ['ada@example.org', 'user']);
  const whole = JSON.parse(await done('privacy', 'export', 'acme'));
  assert.deepEqual(
    whole.directory.map(({ kind }: { kind: string }) => kind),
    ['tenant', 'user'],
  );
  const unsure = await run('privacy', 'erase', 'acme/ada@example.org');
  assert.equal(unsure.code, 2);
  assert.match(unsure.err, /everything of ada@example\.org of acme, for good: say --yes/);
  const told = await done('privacy', 'erase', 'acme/ada@example.org', '--yes');
  assert.match(told, /erased of ada@example\.org of acme: entries with their keys: 1/);
  assert.match(told, /audit log/);
  assert.doesNotMatch(await done('users', '--tenant', 'acme'), /ada/);
  const gone = JSON.parse(await done('privacy', 'erase', 'acme', '--yes', '--json'));
  assert.equal(gone.erased.entries, 1);
  assert.doesNotMatch(await done('tenants'), /acme/);
});

test('a use that cannot be meant is told how, and a refusal by the gateway is passed on', async () => {
  for (const args of [['privacy'], ['privacy', 'erase'], ['privacy', 'export'], ['privacy', 'x', 'acme']]) {
    assert.equal((await run(...args)).code, 2, args.join(' '));
  }
  const refused = await run('privacy', 'erase', 'default', '--yes');
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /tenant that runs the gateway/);
});
