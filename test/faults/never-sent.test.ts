// G18: a failure is charged to the upstream that caused it, and to none when the exchange was sent nowhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFaultRig, until } from './rig.ts';

const target = (upstream: string) => ({ upstream, model: 'fake-model' });
const clocks = { totalMs: 300 };
const models = {
  l: { targets: [target('ollama')] },
  one: { targets: [target('ollama')], clocks },
  both: {
    targets: [
      { ...target('openai'), tier: 1 },
      { ...target('ollama'), tier: 2 },
    ],
    clocks,
  },
};

test('who waits for a slot until the clock ends has failed at no upstream', async (t) => {
  const rig = await openFaultRig(t, { upstream: { slots: 1 }, config: { models } });
  rig.llm.scriptNext({ stallBeforeHead: true });
  const occupying = rig.send({ route: 'openai.chat', model: 'l' });
  await rig.llm.waitForRequest(({ method }) => method === 'POST');
  assert.match((await rig.ask({ route: 'openai.chat', model: 'one' })).head, /^HTTP\/1\.1 504/);
  rig.llm.scriptNext({ status: 500 });
  assert.match((await rig.ask({ route: 'openai.chat', model: 'both' })).head, /^HTTP\/1\.1 504/);
  await until('the spool tells of both', async () => rig.exchanges().length === 2);
  const rows = rig.exchanges().map(({ upstream, code, attempts = [] }) => ({
    upstream,
    code,
    failedAt: attempts.map((attempt) => attempt.upstream),
  }));
  assert.deepEqual(rows, [
    { upstream: '', code: 'total_timeout', failedAt: [] },
    { upstream: '', code: 'total_timeout', failedAt: ['openai'] },
  ]);
  assert.equal(await rig.metric('millrace_attempts_failed_total', { upstream: 'ollama' }), 0);
  occupying.socket.destroy();
  await rig.quiet();
});
