/** Secrets that lie elsewhere, from the start of a gateway to what its upstreams are sent. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { assertQuick, jsonLines, millrace, openPlace, type Place, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { runSecret } from '../run-canary.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { openFakeSecretsManager } from '../upstream/secrets-manager.ts';
import { type FakeVault, openFakeVault } from '../upstream/vault.ts';

const firstKey = runSecret('first');
const secondKey = runSecret('second');
const awsKey = runSecret('aws');

interface Rig {
  readonly place: Place;
  readonly llm: FakeLlm;
  readonly vault: FakeVault;
  write(key: string, more?: object): Promise<void>;
  /** The keys that the upstream was shown, each once, in order. */
  shown(): readonly string[];
}

async function openRig(t: TestContext): Promise<Rig> {
  const place = await openPlace();
  const llm = await openFakeLlm();
  const vault = await openFakeVault({ clock: systemClock });
  vault.put('llm/openai', { key: firstKey });
  t.after(async () => {
    await Promise.all([llm.close(), vault.close()]);
    await place[Symbol.asyncDispose]();
  });
  await place.write('secret-id', vault.secretId);
  const auth = { appRole: { roleId: vault.roleId, secretId: 'file:secret-id' } };
  return {
    place,
    llm,
    vault,
    write: (key, more = {}) =>
      place.write(
        'millrace.yaml',
        JSON.stringify({
          secrets: { vault: { url: vault.url, auth }, refreshMs: 1_000, ...more },
          upstreams: { cloud: { type: 'openai', url: llm.url, key } },
          models: { m: { targets: [{ upstream: 'cloud', model: 'm' }] } },
          telemetry: { logs: { level: 'debug' } },
        }),
      ),
    shown: () => [
      ...new Set(llm.requests.map(({ headers }) => String(headers.authorization).replace('Bearer ', ''))),
    ],
  };
}

const atOnce = 8;

test('P10: a key that changes in Vault is taken over under load, without a failure and without a word from anybody', async (t) => {
  const { place, vault, write, shown } = await openRig(t);
  await write('vault:llm/openai#key');
  await using gateway = await serve(['--config', 'millrace.yaml'], { place });
  const statuses: number[] = [];
  let loading = true;
  const load = async () => {
    while (loading) {
      const reply = await gateway.chat({ model: 'm', stream: statuses.length % 2 === 0 });
      await reply.arrayBuffer();
      statuses.push(reply.status);
    }
  };
  const running = Array.from({ length: atOnce }, load);
  await until('the first key', () => shown().includes(firstKey));
  vault.put('llm/openai', { key: secondKey });
  await until('the second key', () => shown().includes(secondKey));
  loading = false;
  await Promise.all(running);
  assert.ok(statuses.length > 20 && statuses.every((status) => status === 200), `${statuses}`);
  const { out, err } = await gateway.stop('SIGTERM');
  for (const secret of [firstKey, secondKey, vault.secretId]) {
    assert.equal(`${out}${err}`.includes(secret), false, secret);
  }
});

test('P10: so is one in a file, at once', async (t) => {
  const { place, write, shown } = await openRig(t);
  await place.write('key', 'sk-first-key-of-the-file');
  await write('file:key', { refreshMs: 3_600_000 });
  await using gateway = await serve(['--config', 'millrace.yaml'], { place });
  assert.equal((await gateway.chat({ model: 'm' })).status, 200);
  await place.write('key', 'sk-second-key-of-the-file');
  await gateway.line(({ msg }) => msg === 'the configuration is taken over');
  assert.equal((await gateway.chat({ model: 'm' })).status, 200);
  assert.ok(shown().includes('sk-second-key-of-the-file'));
});

test('without Vault a first start fails and names the reference; a later one goes by what was read last', async (t) => {
  const { place, vault, write, shown } = await openRig(t);
  await write('vault:llm/openai#key');
  vault.seal(true);
  const failed = await millrace(['serve', '--config', 'millrace.yaml'], { place });
  assert.equal(failed.code, 2);
  assert.match(failed.err, /upstreams\.cloud\.key: vault:llm\/openai#key: Vault is sealed/);

  vault.seal(false);
  const first = await serve(['--config', 'millrace.yaml'], { place });
  await first.stop('SIGTERM');
  const kept = await stat(place.path('.millrace/secrets.sealed'));
  assert.equal(kept.mode & 0o777, 0o600);
  assert.equal((await place.read('.millrace/secrets.sealed')).includes(firstKey), false);

  vault.seal(true);
  await using gateway = await serve(['--config', 'millrace.yaml'], { place });
  assert.equal((await gateway.chat({ model: 'm' })).status, 200);
  assert.ok(shown().includes(firstKey));
  const warned = jsonLines(gateway.out()).map(({ msg }) => String(msg));
  assert.ok(
    warned.some((line) =>
      /Vault is sealed.*what was read at .* is used for vault:llm\/openai#key/.test(line),
    ),
  );
  // At a reload nothing old stands in: what is in force stays in force.
  assert.equal((await gateway.admin('config/reload', 'POST')).status, 422);
  vault.seal(false);
  assert.equal((await gateway.admin('config/reload', 'POST')).status, 200);
});

test('a reference that leads nowhere is a problem of the configuration, with its place', async (t) => {
  const { place, vault, write } = await openRig(t);
  const check = async (at: Place) => {
    const { code, err } = await millrace(['check', '--config', 'millrace.yaml'], { place: at });
    assert.equal(code, 2, err);
    return err;
  };
  // It waits while the others are asked.
  const away = await openRig(t);
  away.vault.hang(true);
  await away.write('vault:llm/openai#key');
  const startedMs = performance.now();
  const ofAway = check(away.place).then((err) => ({ err, tookMs: performance.now() - startedMs }));
  const says = async (key: string, more: object = {}) => {
    await write(key, more);
    return await check(place);
  };
  assert.match(await says('vault:llm/none#key'), /vault:llm\/none#key: Vault has nothing there/);
  assert.match(await says('vault:llm/openai#none'), /what is there has no field none/);
  assert.match(await says('vault:llm/openai'), /must be `vault:path\/to\/secret#field`/);
  assert.match(await says('vault:../sys#key'), /must be `vault:path\/to\/secret#field`/);
  assert.match(
    await says('vault:llm/openai#key', { vault: undefined }),
    /secrets\.vault must say where Vault is/,
  );
  assert.match(await says('store:openai'), /store:openai: .*`millrace secrets set NAME`/);
  const inside = { url: vault.url, auth: { token: 'vault:llm/openai#key' } };
  assert.match(
    await says('vault:llm/openai#key', { vault: inside }),
    /only `env:` and `file:` can be used here/,
  );
  const { err, tookMs } = await ofAway;
  assert.match(err, /Vault cannot be reached|was not read within 5000 ms/);
  await assertQuick(tookMs, 10_000, away.place);
});

test('a secret at AWS is a text, or a field of an object', async (t) => {
  const { place, write, shown } = await openRig(t);
  const aws = await openFakeSecretsManager();
  t.after(() => aws.close());
  aws.put('prod/openai', JSON.stringify({ key: awsKey, more: 1 }));
  aws.put('plain', 'sk-plain-key-at-aws');
  const environment = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMIexample' };
  const secrets = { aws: { region: 'eu-central-1', endpoint: aws.url } };
  for (const [key, expected] of [
    ['aws-sm:prod/openai#key', awsKey],
    ['aws-sm:plain', 'sk-plain-key-at-aws'],
  ] as const) {
    await write(key, secrets);
    await using gateway = await serve(['--config', 'millrace.yaml'], { place, environment });
    assert.equal((await gateway.chat({ model: 'm' })).status, 200);
    assert.ok(shown().includes(expected), expected);
  }
  const check = async (key: string, given: Readonly<Record<string, string>> = environment) => {
    await write(key, secrets);
    return (await millrace(['check', '--config', 'millrace.yaml'], { place, environment: given })).err;
  };
  const nobody = { AWS_EC2_METADATA_DISABLED: 'true' };
  assert.match(await check('aws-sm:plain', nobody), /without credentials: set AWS_ACCESS_KEY_ID .* role/);
  assert.match(await check('aws-sm:none'), /aws-sm:none: AWS Secrets Manager has nothing there/);
  assert.match(await check('aws-sm:prod/openai#more'), /the field more is no text/);
  aws.fail({ type: 'AccessDeniedException', status: 400 });
  assert.match(await check('aws-sm:plain'), /refuses: AccessDeniedException/);
  aws.fail({ type: 'InternalServiceError', status: 500 });
  assert.match(await check('aws-sm:plain'), /cannot be asked: InternalServiceError/);
});

test('without the package for AWS the configuration is refused, and it is said what to install', async (t) => {
  const { place, write } = await openRig(t);
  await write('aws-sm:prod/openai#key', { aws: { region: 'eu-central-1' } });
  const hidden = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (name, context, next) => {
      if (name !== '@aws-sdk/client-secrets-manager') return next(name, context);
      return next('@aws-sdk/no-such-package', context);
    } });`;
  const nodeOptions = ['--import', `data:text/javascript,${encodeURIComponent(hidden)}`];
  const { code, err } = await millrace(['check', '--config', 'millrace.yaml'], { place, nodeOptions });
  assert.equal(code, 2, err);
  assert.match(
    err,
    /upstreams\.cloud\.key: aws-sm:prod\/openai#key: .*npm install @aws-sdk\/client-secrets-manager/,
  );
});
