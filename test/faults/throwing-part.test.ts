// P6: a part that throws hurts the request it throws for, and nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import type { Principal } from '../../src/core/exchange.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Log } from '../../src/telemetry/log.ts';
import { openGateway } from '../../src/wiring/gateway.ts';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { ask } from '../upstream/raw-client.ts';
import { type Call, openFaultRig, until } from './rig.ts';

const whole: Call = { route: 'openai.chat' };
const stream: Call = { route: 'openai.chat', stream: true };

function logThat(exchange: Log['exchange']): Log {
  const quiet = () => {};
  return { debug: quiet, info: quiet, warn: quiet, error: quiet, exchange, level: 'debug', flush: quiet };
}

test('P6: a log that throws loses its lines, and neither an answer nor an account', async (t) => {
  let thrown = 0;
  const log = logThat(() => {
    thrown += 1;
    throw new Error('the log is broken');
  });
  const rig = await openFaultRig(t, { log });
  for (const call of [whole, stream, whole]) {
    const reply = await rig.ask(call);
    assert.match(reply.head, /^HTTP\/1\.1 200/);
    assert.ok(reply.isComplete);
  }
  assert.ok(thrown >= 3);
  await rig.quiet();
  assert.equal(
    await rig.metric('millrace_exchanges_total', { route: 'openai.chat', outcome: 'complete' }),
    3,
  );
  const { ledger } = rig.gateway.gateway.lasting.store;
  await until('the ledger has them', async () => {
    const [sum] = await ledger.sum({
      fromDay: '2026-01-01',
      toDay: '2100-01-01',
      by: [],
      where: {},
      rowsMax: 1,
    });
    return sum?.exchanges === 3;
  });
});

test('P6: a part of the chain that throws fails its own request with 500 and its id, while others are served', async (t) => {
  const llm = await openFakeLlm({ firstTokenMs: 50 });
  t.after(() => llm.close());
  const good = await openTestGateway({
    config: {
      upstreams: { a: { type: 'openai', url: `${llm.url}/v1`, slots: 8 } },
      models: { o: { targets: [{ upstream: 'a', model: 'fake-model' }] } },
    },
  });
  t.after(() => good.close());
  const badKey = 'sk-mr-fedcba9876543210fedcba9876543210fedcba98';
  const principal: Principal = {
    keyName: 'bad',
    team: '',
    user: '',
    tenant: 'default',
    get role(): never {
      throw new TypeError('the store is broken: CANARY');
    },
  };
  const loaded = { ...loadConfig({ env: {} }), ...good.gateway.snapshot };
  const lines: string[] = [];
  const gateway = await openGateway({
    loaded,
    clock: systemClock,
    log: logThat((_trail, facts) => void lines.push(facts)),
    ownKeys: [
      { key: badKey, principal },
      {
        key: good.key,
        principal: { keyName: 'good', tenant: 'default', team: '', user: '', role: 'developer' },
      },
    ],
  });
  t.after(() => gateway.close(0));
  const { port } = gateway.listener;
  const body = { model: 'o', messages: [{ role: 'user', content: 'hi' }] };
  const path = (key: string) => `/k/${key}/v1/chat/completions`;
  const [served, failed, streamed] = await Promise.all([
    ask(port, path(good.key), body),
    ask(port, path(badKey), body),
    ask(port, path(good.key), { ...body, stream: true }),
  ]);
  assert.match(served.head, /^HTTP\/1\.1 200/);
  assert.match(streamed.content.toString(), /\[DONE\]/);
  assert.match(failed.head, /^HTTP\/1\.1 500/);
  const id = /^x-millrace-id: (.+?)\r?$/im.exec(failed.head)?.[1];
  const { error } = JSON.parse(failed.content.toString());
  assert.equal(error.code, 'internal');
  assert.equal(error.request_id, id);
  assert.doesNotMatch(failed.content.toString(), /CANARY|TypeError/, 'our own words are for the log');
  await until('it is told', () =>
    lines.some((line) => line.includes(String(id)) && line.includes('internal')),
  );
});
