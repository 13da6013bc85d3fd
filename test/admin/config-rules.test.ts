/** What cannot come through the admin API at all, and what only owners may bring (G7, S4, S14). */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Asked } from '../admin-rig.ts';
import { as, base, type ConfigRig, openConfigRig } from './config-rig.ts';

let rig: ConfigRig;
const closing: (() => unknown)[] = [];
const open = '$' + '{';
const known = 'file:known-secret-of-the-file';
const secret = 'sk-mr-5b0c2c9be6a14f8f8d6a';

before(async () => {
  rig = await openConfigRig({ after: (run) => void closing.push(run as () => unknown) });
  const folder = dirname(rig.admin.gateway.file);
  await mkdir(join(folder, 'vault', 'deep'), { recursive: true });
  for (const name of ['known-secret-of-the-file', 'vault/new', 'vault/deep/new', 'other'])
    await writeFile(join(folder, name), `${secret}\n`);
  await rig.writeFile(
    `${base.replace('  sim:', `  cloud: { type: openai, url: "https://api.example/v1", key: "${known}" }\n  sim:`)}allowParameters: [ "\${NAME:-grammar}" ]\n`,
  );
});
after(async () => {
  for (const run of closing) await run();
});

const unchanged = async (put: Asked) => {
  assert.equal((await rig.config()).version, 0, JSON.stringify(put.body));
};

async function refused(edit: (text: string) => string, because: RegExp): Promise<void> {
  const put = await rig.put(edit((await rig.config()).text));
  assert.equal(put.status, 422, JSON.stringify(put.body));
  assert.match(JSON.stringify(put.body.problems), because);
  assert.doesNotMatch(JSON.stringify(put.body.problems), /exist|environment|too large|may not be read/);
  await unchanged(put);
}

async function forbidden(edit: (text: string) => string, because: RegExp): Promise<void> {
  const text = edit((await rig.config()).text);
  const put = await rig.put(text, as('operator'));
  assert.equal(put.status, 403, JSON.stringify(put.body));
  assert.match(put.body.detail, because);
  assert.equal((await rig.admin.ask('config/validate', { method: 'POST', body: { text } })).body.valid, true);
  await unchanged(put);
}

const withUpstream = (entry: string) => (text: string) =>
  text.replace('upstreams:\n', `upstreams:\n  evil: ${entry}\n`);

for (const [name, added, because] of [
  ['a listener', 'listen: 0.0.0.0:80\n', /"path":"listen".*file on disk alone/],
  ['the data folder', 'data: /tmp\n', /file on disk alone/],
  ['TLS files', 'admin: { tls: { cert: /etc/shadow, key: /etc/shadow } }\n', /file on disk alone/],
  ['the store', 'store: "postgres://evil/x"\n', /file on disk alone/],
  ['where secrets may lie', 'secrets: { folder: / }\n', /file on disk alone/],
  ['another file', 'include: /etc/passwd\n', /file on disk alone/],
  ['a command', 'tools: { command: /bin/sh, args: [ -c, id ] }\n', /not built|unknown|not known/],
  ['a template', 'models: { "{{7*7}}": { targets: [], path: /etc/passwd } }\n', /twice|path/],
  ['a prototype', '__proto__: { auth: none }\n', /not allowed/],
] as const) {
  test(`G7: ${name} cannot be applied`, () => refused((text) => text + added, because));
}

test('G7: a model file that the file on disk does not name is not opened', () =>
  refused(
    withUpstream('{ type: llamacpp, file: /etc/passwd }'),
    /a file can be named by the file on disk alone/,
  ));

test('G7: no variable is put in where the file on disk has none', async () => {
  await refused(
    withUpstream(`{ type: openai, url: "https://evil.example/${open}PATH:-x}" }`),
    /a variable may stand only where the file on disk has it/,
  );
  assert.match((await rig.config()).text, /\$\{NAME:-grammar\}/);
});

test('S14: no upstream is a metadata service', () =>
  refused(withUpstream('{ type: openai, url: "http://169.254.169.254/latest" }'), /metadata/));

for (const [name, reference, because] of [
  ['one that is written out', secret, /cannot be written out/],
  ['a variable that the file does not refer to', 'env:PATH', /refers to no such variable/],
  ['a file that there is', 'file:/etc/passwd', /nor in the folder/],
  ['a file that there is not', 'file:/etc/no-such-file', /nor in the folder/],
  ['a file beside the folder of secrets', 'file:other', /nor in the folder/],
  ['a way out of the folder of secrets', 'file:vault/../other', /nor in the folder/],
  ['one that the file never had', '***', /it has none/],
] as const) {
  test(`a secret cannot be ${name}, even by an owner`, () =>
    refused(withUpstream(`{ type: openai, url: "https://api.example/v1", key: "${reference}" }`), because));
}

test('what the file refers to may be used again for the same server by operators, elsewhere by owners alone', async () => {
  await forbidden(
    withUpstream(`{ type: openai, url: "https://evil.example/v1", key: "${known}" }`),
    /upstreams\.evil\.key: only an owner/,
  );
  await forbidden(
    (text) => text.replace('https://api.example/v1', 'https://evil.example/v1'),
    /upstreams\.cloud\.key: only an owner/,
  );
  await forbidden(
    withUpstream('{ type: openai, url: "https://api.example/v1", key: "file:vault/deep/new" }'),
    /only an owner/,
  );
  const { text } = await rig.config();
  const sent = withUpstream(`{ type: openai, url: "https://api.example/v2", key: "${known}" }`)(text);
  const diff = await rig.admin.ask('config/diff', {
    method: 'POST',
    body: { text: sent },
    ...as('operator'),
  });
  assert.equal(diff.status, 200, JSON.stringify(diff.body));
  assert.doesNotMatch(JSON.stringify(diff.body), new RegExp(secret));
});

test('a secret of the store is an owner’s to refer to', async () => {
  const kept = await rig.admin.ask('secrets/ours', { method: 'PUT', body: { value: secret } });
  assert.equal(kept.status, 200, JSON.stringify(kept.body));
  await forbidden(
    withUpstream('{ type: openai, url: "https://api.example/v1", key: "store:ours" }'),
    /only an owner/,
  );
});

test('S4: who may do what is changed by owners alone, and what may be spent by whoever sees to budgets', async () => {
  const key = `{ name: mine, key: "${known}", role: owner }`;
  await forbidden((text) => text.replace('keys:\n', `keys:\n  - ${key}\n`), /keys: may not be changed/);
  await forbidden((text) => `${text}identity: { homeTenant: acme }\n`, /identity: may not be changed/);
  await forbidden((text) => `${text}operator: { beyondLoopback: true }\n`, /operator: may not be changed/);
  await forbidden((text) => `${text}privacy: { ledgerDays: 1 }\n`, /privacy: may not be changed/);
  await forbidden(
    (text) => `${text}budgets: [ { per: global, usd: 1, window: day } ]\n`,
    /budgets: may not be changed/,
  );
  for (const role of ['developer', 'viewer', 'billing'] as const) {
    const put = await rig.put(base, as(role));
    assert.ok([403, 401].includes(put.status), role);
  }
});

test('a gateway that asks for keys cannot be opened to everybody', () =>
  refused((text) => `${text}auth: none\n`, /can be set in the file on disk alone/));

test('nobody locks himself out unawares', async () => {
  const { text } = await rig.config();
  const without = text.replace(/.*default-owner.*\n/, '');
  assert.notEqual(without, text);
  for (const sent of [
    without,
    text.replace(/(default-owner.*role: )owner/, '$1viewer'),
    `${text}identity: { homeTenant: acme }\n`,
    `${text}auth: jwt\nidentity: { jwt: { issuers: [ { name: corp, issuer: "https://issuer.example", audience: us, defaultRole: viewer } ] } }\n`,
  ]) {
    const put = await rig.put(sent, as('owner'));
    assert.equal(put.status, 409, JSON.stringify(put.body));
    assert.match(put.body.detail, /add `\?force` if that is meant/);
    await unchanged(put);
  }
  const forced = await rig.change('config?force', { method: 'PUT', body: { text: without }, ...as('owner') });
  assert.equal(forced.status, 200, JSON.stringify(forced.body));
  assert.equal((await rig.admin.ask('config', as('owner'))).status, 401);
});
