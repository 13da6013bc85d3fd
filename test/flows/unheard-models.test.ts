/** A name that nobody knows while an upstream has never told its models: an outage of ours, in every dialect alike. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';

const messages = [{ role: 'user', content: 'hello' }];
const listings = /^\/(?:v1\/models|api\/tags)$/;

interface Asking {
  readonly path: string;
  readonly body?: object;
}

/** Everything that asks for one model by its name, in both dialects. */
const askings = (model: string): readonly Asking[] => [
  { path: `/v1/models/${model}` },
  { path: `/models/${model}` },
  { path: '/api/show', body: { model } },
  { path: '/v1/chat/completions', body: { model, messages } },
  { path: '/api/chat', body: { model, messages, stream: false } },
];

interface Rig {
  readonly gateway: TestGateway;
  readonly silent: FakeLlm;
  ask(asking: Asking): Promise<{ status: number; headers: Headers; message: string }>;
}

/** `told` tells its models, `silent` answers listings with a failure until it is told to behave. */
async function openRig(t: TestContext): Promise<Rig> {
  const told = await openFakeLlm({ models: ['llama:latest'] });
  t.after(() => told.close());
  const silent = await openFakeLlm({ models: ['qwen:7b'], only: listings, status: 500 });
  t.after(() => silent.close());
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        told: { type: 'ollama', url: told.url },
        silent: { type: 'ollama', url: silent.url },
      },
      health: { everyMs: 100 },
    },
  });
  t.after(() => gateway.close());
  await until('one has told', () => gateway.gateway.snapshot.models.names().includes('llama:latest'));
  return {
    gateway,
    silent,
    ask: async ({ path, body }) => {
      const response = await fetch(`${gateway.url}${path}`, {
        headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      const { headers, status } = response;
      const { error } = (await response.json()) as { error?: string | { message: string } };
      return { status, headers, message: typeof error === 'object' ? error.message : (error ?? '') };
    },
  };
}

test('as long as an upstream has never told its models an unknown name is a 503 that names it, and a 404 after', async (t) => {
  const { ask, gateway, silent } = await openRig(t);
  for (const asking of askings('gemma')) {
    const { status, headers, message } = await ask(asking);
    assert.equal(status, 503, asking.path);
    assert.match(message, /"gemma" is not known yet: silent did not tell/, asking.path);
    assert.equal(headers.get('retry-after'), '5');
  }
  const push = await ask({ path: '/api/push', body: { model: 'gemma' } });
  assert.equal(push.status, 503);
  silent.behave({ status: 200 });
  await until('the other has told', () => gateway.gateway.snapshot.models.names().includes('qwen:7b'));
  for (const asking of askings('gemma')) {
    const { status, message } = await ask(asking);
    assert.equal(status, 404, asking.path);
    assert.match(message, /not found: "gemma" does not exist here/, asking.path);
  }
  assert.equal((await ask({ path: '/api/push', body: { model: 'gemma' } })).status, 404);
});

test('meanwhile what is known is served, and a name behind its own upstream reaches it untold', async (t) => {
  const { ask } = await openRig(t);
  for (const model of ['llama', 'told/llama', 'silent/qwen:7b']) {
    for (const asking of askings(model))
      assert.equal((await ask(asking)).status, 200, `${asking.path} ${model}`);
  }
  // `told` has no such model; a router among the others may have one that is called so.
  assert.equal((await ask({ path: '/v1/models/told/gemma' })).status, 503);
});

test('an upstream that told once keeps its models while it is away, and an unknown name stays a 404', async (t) => {
  const { ask, gateway, silent } = await openRig(t);
  silent.behave({ status: 200 });
  await until('the other has told', () => gateway.gateway.snapshot.models.names().includes('qwen:7b'));
  silent.behave({ only: /^/, status: 500 });
  const listed = () => silent.requests.filter(({ path }) => path === '/api/tags').length;
  const before = listed();
  // When it is asked again, what came of the time before is known.
  await until('its listing has failed', () => listed() > before + 1);
  assert.equal((await ask({ path: '/v1/models/qwen:7b' })).status, 200);
  assert.equal((await ask({ path: '/api/chat', body: { model: 'qwen:7b', messages } })).status, 502);
  assert.equal((await ask({ path: '/api/show', body: { model: 'qwen:7b' } })).status, 502);
  for (const asking of askings('gemma')) assert.equal((await ask(asking)).status, 404, asking.path);
});
