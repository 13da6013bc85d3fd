import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { test } from 'node:test';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { millrace, openPlace, type Place, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

interface Finding {
  readonly area: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly says: string;
  readonly mend?: string;
}

async function examine(place: Place, ...args: readonly string[]) {
  const ended = await runVerb(['doctor', '--json', ...args], { place });
  const { findings } = JSON.parse(ended.out) as { findings: readonly Finding[] };
  return { ...ended, about: (area: string) => findings.filter((finding) => finding.area === area), findings };
}

test('of three upstreams the healthy one is right, and for the others it is told what mends them', async () => {
  await using place = await openPlace();
  const healthy = await openFakeLlm({ models: ['gemma:2b'] });
  const locked = await openFakeLlm({ only: /./, status: 401 });
  const dead = await openFakeLlm();
  await dead.close();
  const deadUrl = `http://127.0.0.1:${healthy.port === 9 ? 10 : 9}`;
  try {
    await place.write(
      'millrace.yaml',
      `upstreams:
  healthy: { type: ollama, url: "${healthy.url}" }
  locked: { type: openai, url: "${locked.url}/v1", key: sk-not-valid-there }
  dead: { type: ollama, url: "${deadUrl}" }
models:
  good: { targets: [{ upstream: healthy, model: "gemma:2b" }] }
  wrong: { targets: [{ upstream: healthy, model: "gema:2b" }] }
`,
    );
    const { code, about, findings } = await examine(place);
    assert.equal(code, 1);
    const [listed, target, token] = about('upstream healthy');
    assert.match(listed?.says ?? '', /lists 1 model/);
    assert.equal(target?.state, 'fail');
    assert.match(target?.mend ?? '', /did you mean gemma:2b/);
    assert.equal(token?.state, 'ok');
    assert.match(token?.says ?? '', /gemma:2b streamed its first token/);
    assert.match(about('upstream locked')[0]?.mend ?? '', /set `key:`/);
    assert.match(about('upstream dead')[0]?.says ?? '', /refuses connections/);
    assert.match(about('upstream dead')[0]?.mend ?? '', /start the server/);
    for (const finding of findings) {
      if (finding.state !== 'ok') assert.ok((finding.mend ?? '').length > 0, finding.says);
    }
  } finally {
    await healthy.close();
    await locked.close();
  }
});

test('a model that costs money is called only when asked to', async () => {
  await using place = await openPlace();
  const llm = await openFakeLlm({ models: ['gpt-test'] });
  try {
    // Any address that is not this machine's loopback may cost money; this name of it is not known as such.
    const url = `http://0.0.0.0:${llm.port}/v1`;
    await place.write('millrace.yaml', `upstreams: { cloud: { type: openai, url: "${url}" } }\n`);
    const free = await examine(place);
    assert.match(free.about('upstream cloud')[1]?.says ?? '', /not called: it may cost money/);
    assert.deepEqual(
      llm.requests.map(({ path }) => path),
      ['/v1/models'],
    );
    const paid = await examine(place, '--paid');
    assert.match(paid.about('upstream cloud')[1]?.says ?? '', /first token/);
    assert.equal(llm.requests.filter(({ path }) => path === '/v1/chat/completions').length, 1);
  } finally {
    await llm.close();
  }
});

test('a running gateway is recognised, its addresses are ours, and nothing is wrong', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  const clients = new URL(gateway.ready.clients).host;
  const admin = new URL(gateway.ready.admin).host;
  await place.write('millrace.yaml', `listen: ${clients}\nadmin: { listen: "${admin}" }\n`);
  const ended = await millrace(['doctor'], {
    place,
    environment: { MILLRACE__LISTEN__ADDRESS: clients, MILLRACE__ADMIN__LISTEN: admin },
  });
  assert.equal(ended.code, 0, ended.out);
  assert.match(ended.out, /^ok +gateway +Millrace \S+ runs as process \d+ and takes work$/m);
  assert.match(ended.out, /^ok +listen +\S+ is ours$/m);
  assert.match(ended.out, / 0 wrong\n$/);
});

test('the gateway of another folder is recognised at both addresses', async () => {
  await using place = await openPlace();
  await using gateway = await serve([], { place });
  await using mine = await openPlace();
  const environment = {
    MILLRACE__LISTEN__ADDRESS: new URL(gateway.ready.clients).host,
    MILLRACE__ADMIN__LISTEN: new URL(gateway.ready.admin).host,
  };
  const ended = await runVerb(['doctor'], { place: mine, environment });
  assert.equal(ended.code, 1);
  assert.match(ended.out, /^FAIL +listen +\S+: another Millrace runs there/m);
  assert.match(ended.out, /^FAIL +admin\.listen +\S+: another Millrace runs there/m);
});

test('secrets that others can read, a target that is no file, and a bad configuration are found', async () => {
  await using place = await openPlace();
  const gateway = await serve([], { place });
  await gateway.stop();
  await chmod(place.path('.millrace/client-key'), 0o644);
  const open = await examine(place);
  assert.equal(open.code, 1);
  const [data] = open.about('data folder');
  assert.match(data?.says ?? '', /client-key may be read by others/);
  assert.match(data?.mend ?? '', /^chmod 600 /);
  await chmod(place.path('.millrace'), 0o777);
  assert.match(
    (await examine(place)).about('data folder')[0]?.says ?? '',
    /\.millrace may be written by others/,
  );
  await chmod(place.path('.millrace'), 0o700);
  await chmod(place.path('.millrace/client-key'), 0o600);
  await place.write('millrace.yaml', 'upstreams: { local: { type: llamacpp, file: ./none.gguf } }\n');
  assert.match(
    (await examine(place)).about('upstream local')[0]?.says ?? '',
    /none\.gguf cannot be read \(ENOENT\)/,
  );
  await place.write('millrace.yaml', 'listn: 1\n');
  const bad = await examine(place);
  assert.equal(bad.code, 1);
  assert.match(bad.about('configuration')[0]?.says ?? '', /millrace\.yaml:1:1/);
});

test('an upstream whose clock is far from ours is named', async () => {
  await using place = await openPlace();
  const llm = await openFakeLlm({
    only: /./,
    headers: { date: new Date(Date.now() - 600_000).toUTCString() },
  });
  try {
    await place.write('millrace.yaml', `upstreams: { late: { type: ollama, url: "${llm.url}" } }\n`);
    const { about } = await examine(place);
    const apart = about('upstream late').find(({ state }) => state === 'warn');
    assert.match(apart?.says ?? '', /60\d s apart; ours is ahead/);
  } finally {
    await llm.close();
  }
});
