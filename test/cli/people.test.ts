/** Tenants, teams, users, keys and the audit log from the command line, against a running gateway. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
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

const run = (...args: string[]): Promise<Said> => runVerb(args, { place });

async function done(...args: string[]): Promise<string> {
  const ended = await run(...args);
  assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.err}`);
  return ended.out;
}

async function statusWith(key: string): Promise<number> {
  const answer = await fetch(`${gateway.ready.clients}/v1/models`, {
    headers: { authorization: `Bearer ${key}` },
  });
  await answer.arrayBuffer();
  return answer.status;
}

test('a tenant gets a team, a user and a key; the key opens, is turned over and revoked', async () => {
  await done('tenants', 'new', 'acme', '--keep-content-days', '7');
  assert.match(await done('tenants'), /^acme +active +7 days/m);
  await done('teams', 'new', 'search', '--tenant', 'acme');
  await done(
    'users',
    'new',
    'ada@example.org',
    '--tenant',
    'acme',
    '--team',
    'search',
    '--role',
    'developer',
  );
  assert.match(await done('users'), /^ada@example\.org +acme +search +developer +person +active$/m);
  const told = await done('keys', 'new', 'ci', '--tenant', 'acme', '--user', 'ada@example.org');
  const [first = ''] = /sk-mr-[0-9a-f]{46}/.exec(told) ?? [];
  assert.equal(await statusWith(first), 200);
  const listed = await done('keys');
  assert.match(listed, /^ci +acme +developer +ada@example\.org +….{4} +never .*the store$/m);
  assert.equal(listed.includes(first), false);
  const turned = JSON.parse(
    await done('keys', 'rotate', 'ci', '--tenant', 'acme', '--overlap', '0', '--json'),
  ) as { key: string };
  assert.equal(await statusWith(first), 401);
  assert.equal(await statusWith(turned.key), 200);
  assert.match(await done('keys', 'revoke', 'ci', '--tenant', 'acme'), /^revoked: ci/);
  assert.equal(await statusWith(turned.key), 401);
  await done('keys', 'change', 'ci', '--tenant', 'acme', '--active', 'yes');
  assert.equal(await statusWith(turned.key), 200);
  await done('users', 'change', 'ada@example.org', '--tenant', 'acme', '--active', 'no');
  assert.equal(await statusWith(turned.key), 401, 'nobody’s keys outlast him');
  const boss = JSON.parse(
    await done(
      'keys',
      'new',
      'boss',
      '--tenant',
      'acme',
      '--role',
      'admin',
      '--routes',
      'keys.list,configured-keys.list',
      '--json',
    ),
  ) as { key: string };
  const own = await done('keys', '--token', boss.key);
  assert.match(
    own,
    /^boss .* the store +keys\.list, configured-keys\.list$/m,
    'what it is narrowed to is told',
  );
  assert.doesNotMatch(own, /made at the first start/, 'the gateway’s own keys are for its people');
  await done('tenants', 'remove', 'acme');
  assert.doesNotMatch(await done('keys'), /acme/);
});

test('every listing is there for programs, and what cannot be done says why', async () => {
  for (const verb of ['tenants', 'teams', 'users', 'keys', 'audit']) {
    assert.equal(typeof JSON.parse(await done(verb, '--json')), 'object', verb);
  }
  for (const args of [
    ['users', 'new'],
    ['keys', 'rotate'],
    ['tenants', 'burn', 'acme'],
    ['users', 'change', 'ada'],
    ['users', 'change', 'ada', '--active', 'perhaps'],
    ['keys', 'new', 'x', '--expires', 'soon'],
    ['audit', 'verify', '--since', 'here'],
  ]) {
    assert.equal((await run(...args)).code, 2, args.join(' '));
  }
  const refused = await run('users', 'show', 'nobody');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /no user of the name "nobody" in the tenant "default"/);
});

test('the audit log is read and proved, and a record that was changed behind its back is found (A9)', async () => {
  await done('teams', 'new', 'proof');
  assert.match(await done('audit', 'list', '--limit', '2'), /admin-token +127\.0\.0\.1 +teams\.create/);
  const sound = await done('audit', 'verify');
  const [, anchor = ''] = /: (\d+:[\w-]{43})$/m.exec(sound) ?? [];
  await done('teams', 'remove', 'proof');
  assert.match(await done('audit', 'verify', '--since', anchor), /^sound from record \d+ to record \d+/);
  const database = new DatabaseSync(join(place.folder, '.millrace', 'millrace.sqlite'));
  database.exec("update audit set actor = 'nobody' where number = 3");
  database.close();
  const broken = await run('audit', 'verify');
  assert.equal(broken.code, 1);
  assert.match(broken.err, /broken at record 3/);
  const { brokenAt } = JSON.parse((await run('audit', 'verify', '--json')).out) as { brokenAt: number };
  assert.equal(brokenAt, 3);
});

test('who is signed in to the console is listed, and a session that is not there is not ended', async () => {
  assert.match(await done('sessions'), /^WHO +TENANT +ROLE +SINCE +UNTIL +ID/);
  assert.deepEqual(JSON.parse(await done('sessions', '--json')), { items: [], more: false });
  const ended = await run('sessions', 'end', 'no-such-session');
  assert.equal(ended.code, 1);
  assert.match(ended.err, /there is no such session here, or it has ended/);
});
