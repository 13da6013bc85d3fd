// G16: a model that has to load has a clock of its own for its first token; one that just answered has not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFaultRig } from './rig.ts';

const clocks = { firstTokenMs: 200, loadMs: 5_000 };

test('G16: a cold model has the time to load, a warm one only that of a first token', async (t) => {
  const rig = await openFaultRig(t, { clocks, config: { retries: { attempts: 1 } } });
  const call = { route: 'ollama.chat', model: 'l', stream: true } as const;

  rig.llm.scriptNext({ firstTokenMs: 500 });
  const cold = await rig.ask(call);
  assert.match(cold.head, /^HTTP\/1\.1 200/);
  assert.match(cold.content.toString(), /"done":true/);

  rig.llm.scriptNext({ firstTokenMs: 500 });
  const warm = await rig.ask(call);
  assert.match(warm.head, /^HTTP\/1\.1 504/);
  assert.match(warm.content.toString(), /200 ms/);
});

test('G16: an upstream that loads nothing on demand never gets the time to load', async (t) => {
  const rig = await openFaultRig(t, { clocks, config: { retries: { attempts: 1 } } });
  rig.llm.scriptNext({ firstTokenMs: 500 });
  const reply = await rig.ask({ route: 'openai.chat', stream: true });
  assert.match(reply.head, /^HTTP\/1\.1 504/);
  assert.match(reply.content.toString(), /"code":"first_token_timeout"/);
});
