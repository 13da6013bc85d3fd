/** The TypeScript client against a running gateway: as a package, built and resolved by its name. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import {
  ConflictError,
  ConnectionError,
  InvalidRequestError,
  ServerError,
  TimeoutError,
} from '../../clients/typescript/src/errors.ts';
import { MillraceAdmin } from '../../clients/typescript/src/generated/admin.ts';
import { Millrace } from '../../clients/typescript/src/generated/simple.ts';
import { blocksOf, type ClientRig, openClientRig } from './client-rig.ts';

const folder = 'clients/typescript';
let rig: ClientRig;
let millrace: Millrace;
let admin: MillraceAdmin;
before(async () => {
  rig = await openClientRig();
  const { environment } = rig;
  millrace = new Millrace({ url: environment['MILLRACE_URL'] ?? '', key: environment['MILLRACE_KEY'] ?? '' });
  admin = new MillraceAdmin({
    url: environment['MILLRACE_ADMIN_URL'] ?? '',
    key: environment['MILLRACE_ADMIN_TOKEN'] ?? '',
  });
});
after(() => rig.close());

const busy = (retries = 0) =>
  new Millrace({ url: rig.environment['MILLRACE_BUSY_URL'] ?? '', key: 'x', retries });

async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test('it answers whole and word by word, and keeps a conversation', async () => {
  assert.notEqual((await millrace.generate({ prompt: 'Hello', max_tokens: 16 })).response, '');
  assert.notEqual((await millrace.complete({ query: 'Hello', context: 'Be short.' })).response, '');
  assert.ok((await all(millrace.stream({ query: 'Hello' }))).length > 1);
  assert.ok((await all(millrace.generateStream({ prompt: 'Hello' }))).length > 1);
  const first = await millrace.chat({ message: 'My name is Ada.' });
  const next = await millrace.chat({ message: 'Who am I?', conversation_id: first.conversation_id });
  assert.equal(next.conversation_id, first.conversation_id);
  assert.equal((await millrace.embeddings({ input: ['a', 'b'] })).data.length, 2);
});

test('what goes wrong is an error of its class, with its code', async () => {
  await assert.rejects(millrace.complete({ query: '' }), (error) => {
    assert.ok(error instanceof InvalidRequestError);
    assert.deepEqual([error.name, error.code, error.status], ['InvalidRequestError', 'invalid_request', 400]);
    assert.match(error.requestId ?? '', /^[0-9a-f-]{36}$/);
    return true;
  });
  await assert.rejects(new Millrace({ url: 'http://127.0.0.1:1' }).health(), ConnectionError);
  await assert.rejects(millrace.complete({ query: 'Hello' }, { timeoutMs: 0 }), TimeoutError);
  const left = AbortSignal.abort(new Error('left'));
  await assert.rejects(millrace.complete({ query: 'Hello' }, { signal: left }), /left/);
});

test('a request is sent again only where that was asked for, with one Idempotency-Key', async () => {
  await assert.rejects(busy().complete({ query: 'Hello' }), (error) => {
    assert.ok(error instanceof ServerError);
    return error.code === 'queue_full' && error.retryAfterS === 0;
  });
  assert.deepEqual(rig.keysSeen, [undefined]);
  assert.deepEqual(await busy(2).complete({ query: 'Hello' }), { response: 'at last' });
  assert.equal(rig.keysSeen.length, 4);
  assert.equal(new Set(rig.keysSeen.slice(1)).size, 1);
});

test('a stream that breaks off is no whole one, and one that is left is closed', async () => {
  await assert.rejects(all(busy().stream({ query: 'Hello' })), { code: 'cut' });
  for await (const token of millrace.stream({ query: 'Hello' })) {
    assert.notEqual(token, '');
    break;
  }
});

test('the admin client makes, pages, changes and removes', async () => {
  const made: { readonly name: string; readonly version: number }[] = [];
  for (const number of [0, 1, 2, 3, 4]) {
    made.push(await admin.users.create({ body: { name: `ts-${number}` } }));
  }
  const names = (await all(admin.users.each({ limit: 2 }))).map(({ name }) => name);
  assert.deepEqual(
    names,
    made.map(({ name }) => name),
  );
  const ifMatch = made[0]?.version ?? 0;
  const change = { name: 'ts-0', body: { role: 'viewer' } } as const;
  assert.equal((await admin.users.change(change, { ifMatch })).role, 'viewer');
  await assert.rejects(admin.users.change(change, { ifMatch }), ConflictError);
  for (const { name } of made) assert.equal(await admin.users.remove({ name }), undefined);
  assert.match(await admin.usage.sumCsv({ by: 'day' }), /^day,/);
  const create = () => admin.keys.create({ body: { name: 'ts-once' } }, { idempotencyKey: 'ts-once-1' });
  assert.equal((await create()).key, (await create()).key);
});

test('the package builds, and the examples of its README run with it', async () => {
  const at = await mkdtemp(join(tmpdir(), 'millrace-client-'));
  try {
    const installed = join(at, 'node_modules/@millrace/client');
    const run = promisify(execFile);
    const tsc = resolve('node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, '-p', folder, '--outDir', join(installed, 'dist')]);
    await cp(join(folder, 'package.json'), join(installed, 'package.json'));
    const blocks = blocksOf(join(folder, 'README.md'), 'ts');
    assert.equal(blocks.length, 2);
    const outputs: string[] = [];
    for (const [index, block] of blocks.entries()) {
      const file = join(at, `example-${index}.mts`);
      await writeFile(file, block);
      const env = { ...process.env, ...rig.environment };
      outputs.push((await run(process.execPath, [file], { env, timeout: 60_000 })).stdout);
    }
    assert.match(outputs[1] ?? '', /is told this once\nprecondition_failed\n/);
    assert.match(outputs[1] ?? '', /^ci developer$/m);
    assert.match(outputs[1] ?? '', /^true$/m);
  } finally {
    await rm(at, { recursive: true });
  }
});
