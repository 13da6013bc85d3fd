/** What an operator sees of models in servers' memory, and does about them: `ps`, `models load`, metrics. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { psShape } from '../../src/admin/shapes.ts';
import { run as runPs } from '../../src/cli/ps.ts';
import { machineTable, runningTable } from '../../src/cli/ps-tables.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

const plain = (_colour: string, text: string): string => text;
const gib = 1024 ** 3;
const page = `DCGM_FI_DEV_GPU_UTIL{gpu="0"} 73\nDCGM_FI_DEV_FB_USED 4096\nDCGM_FI_DEV_FB_FREE 12288\n`;

async function openExporter(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => void response.end(page));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

/** Two Ollama servers, one with half of its models on a GPU, and a cloud that tells nothing. */
async function openFleet(t: TestContext) {
  const behaviour = { models: ['gemma', 'qwen'], residentMax: 1, modelBytes: 4 * gib, gpuShare: 0.5 };
  const [a, b, cloud] = await Promise.all([openFakeLlm(behaviour), openFakeLlm(behaviour), openFakeLlm()]);
  t.after(() => Promise.all([a.close(), b.close(), cloud.close()]));
  const exporter = await openExporter(t);
  const targets = ['gpu-a', 'gpu-b'].map((upstream) => ({ upstream, model: 'gemma' }));
  const admin = await openTestAdmin({
    config: {
      upstreams: {
        'gpu-a': { type: 'ollama', url: a.url, slots: 4, exporter },
        'gpu-b': { type: 'ollama', url: b.url },
        cloud: { type: 'openai', url: `${cloud.url}/v1` },
      },
      models: { gemma: { targets }, remote: { targets: [{ upstream: 'cloud', model: 'fake-model' }] } },
      health: { everyMs: 100 },
    },
  });
  t.after(() => admin.close());
  return { a, b, cloud, admin };
}

type Ps = ReturnType<typeof psShape.parse>;

const ps = async ({ ask }: TestAdmin): Promise<Ps> => (await ask('ps')).body as Ps;

test('ps shows model, server, memory, slots and queue, and what an exporter tells of the machine', async (t) => {
  const { admin } = await openFleet(t);
  const ordered = await admin.ask('models/gemma/load', { method: 'POST', body: { on: 'gpu-a' } });
  assert.deepEqual(
    [
      ordered.status,
      ordered.body.servers.map((one: { done: boolean; upstream: string }) => [one.upstream, one.done]),
    ],
    [200, [['gpu-a', true]]],
  );
  await until('everything is told', async () => {
    const { running, machines } = await ps(admin);
    return (
      running[0]?.loaded?.bytes !== undefined &&
      running[1]?.inMemory === 'no' &&
      machines[0]?.gpuPercent === 73
    );
  });
  const { running, machines } = await ps(admin);
  const table = runningTable(running, plain);
  assert.match(table, /^MODEL +UPSTREAM +LOADED +MEMORY +SLOTS +QUEUE +UNTIL$/m);
  assert.match(table, /^gemma +gpu-a +yes +4\.0 GiB, 50 % in VRAM +0\/4 configured +0 +20\d\d-/m);
  assert.match(table, /^gemma +gpu-b +no +0\/\d+ (?:learnt|assumed) +0$/m);
  assert.match(table, /^fake-model +cloud +unknown +unknown +0\/\d+ (?:learnt|assumed) +0$/m);
  const machine = machineTable(machines);
  assert.match(machine, /^gpu-a +73 % +4\.0 GiB of 16\.0 GiB +unknown +unknown +1 in \d/m);
  assert.match(machine, /^gpu-b +unknown +unknown +unknown +unknown +0 in 0\.0 s +0$/m);
});

test('ps --watch shows what changes meanwhile, for as long as the gateway is there', async (t) => {
  const { admin } = await openFleet(t);
  const shown: string[] = [];
  const invocation = {
    environment: {},
    write: (text: string) => void shown.push(text),
    warn: () => {},
    typed: (verb: string) => verb,
  };
  const options = { admin: admin.url, token: admin.token, watch: true };
  const watching = assert.rejects(runPs(invocation, { words: [], options }));
  await until('it is shown once', () => shown.length > 0);
  assert.doesNotMatch(shown[0] ?? '', /^gemma +gpu-a +yes/m);
  await admin.ask('models/gemma/load', { method: 'POST', body: { on: 'gpu-a' } });
  await until('the load is shown', () => /^gemma +gpu-a +yes/m.test(shown.at(-1) ?? ''));
  await admin.close();
  await watching;
});

test('a model is loaded and unloaded by order, and only where that has a meaning', async (t) => {
  const { a, b, cloud, admin } = await openFleet(t);
  const order = (path: string, body = {}) => admin.ask(path, { method: 'POST', body });
  await order('models/gemma/load');
  assert.deepEqual([a.residents, b.residents], [['gemma:latest'], ['gemma:latest']]);
  await order('models/gemma/unload', { on: 'gpu-b' });
  assert.deepEqual([a.residents, b.residents], [['gemma:latest'], []]);
  const before = cloud.requests.filter(({ method }) => method === 'POST').length;
  const refused = await order('models/remote/load');
  assert.deepEqual([refused.status, refused.body.code], [400, 'unsupported']);
  assert.equal(cloud.requests.filter(({ method }) => method === 'POST').length, before);
  assert.equal((await order('models/gemma/load', { on: 'cloud' })).status, 400);
  assert.equal((await order('models/nothing/load')).status, 404);
  b.behave({ status: 500 });
  const { body } = await order('models/gemma/load', { on: 'gpu-b' });
  assert.equal(body.servers[0].done, false);
  assert.match(body.servers[0].says, /asked to answer 500/);
});

test('metrics count what is in memory, loads, how long they took, and evictions', async (t) => {
  const { admin } = await openFleet(t);
  const order = (model: string) =>
    admin.ask(`models/${model}/load`, { method: 'POST', body: { on: 'gpu-a' } });
  await order('gemma');
  const { metrics, warm } = admin.gateway.gateway.lasting;
  const [server] = admin.gateway.gateway.snapshot.upstreams;
  assert.ok(server !== undefined);
  await until('it is told', () => warm.residency.isTold(server));
  await order('qwen');
  await until('the first has left', () => warm.residency.counts(server).evictions === 1);
  const text = metrics.render();
  assert.match(text, /^millrace_models_resident\{upstream="gpu-a"\} 1$/m);
  assert.match(text, /^millrace_model_loads_total\{upstream="gpu-a"\} 2$/m);
  assert.match(text, /^millrace_model_load_seconds_total\{upstream="gpu-a"\} 0\.\d+$/m);
  assert.match(text, /^millrace_model_evictions_total\{upstream="gpu-a"\} 1$/m);
  assert.doesNotMatch(text, /millrace_models_resident\{upstream="cloud"\}/);
});
