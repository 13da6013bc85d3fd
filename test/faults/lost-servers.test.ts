// U1, U2, U3: a server is killed, frozen, or cut off while clients ask: how long until all of them are served by another one.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { openCutLine } from '../servers/cut-line.ts';
import { times } from '../soak.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { spawnLlm } from '../upstream/llm-process.ts';
import { type Call, rigOf, until } from './rig.ts';

const calls: readonly Call[] = [{ route: 'openai.chat' }, { route: 'openai.chat', stream: true }];
const clients = 8;
/** With time for it, as it is by the defaults; else half as long, which proves as much. */
const health = times(0, 1) === 1 ? {} : { everyMs: 500, silentMs: 2_000 };

type Break = (t: TestContext) => Promise<{ readonly url: string; readonly fault: () => void } | string>;

const faults: Readonly<Record<string, Break>> = {
  killed: async (t) => {
    const { child, url } = await spawnLlm(t);
    return { url, fault: () => child.kill('SIGKILL') };
  },
  frozen: async (t) => {
    if (process.platform === 'win32') return 'there is no SIGSTOP here';
    const { child, url } = await spawnLlm(t);
    return { url, fault: () => child.kill('SIGSTOP') };
  },
  'cut off': async (t) => {
    const line = await openCutLine();
    if (typeof line === 'string') return line;
    t.after(() => line.close());
    const llm = await openFakeLlm();
    t.after(() => llm.close());
    return { url: await line.over(llm.url), fault: () => line.cut() };
  },
};

for (const [what, open] of Object.entries(faults)) {
  test(`U1, U2, U3, G17: all who ask a server that is ${what} are served by another one, long before their clocks run out`, async (t) => {
    const opened = await open(t);
    if (typeof opened === 'string') return t.skip(opened);
    let isOver = false;
    const second = await openFakeLlm();
    t.after(() => second.close());
    const gateway = await openTestGateway({
      config: {
        upstreams: {
          // Of a kind that is nobody's service, wherever it stands.
          first: { type: 'ollama', url: opened.url, slots: 64 },
          second: { type: 'openai', url: `${second.url}/v1`, slots: 64 },
        },
        models: {
          o: {
            targets: [
              { upstream: 'first', model: 'fake-model' },
              { upstream: 'second', model: 'fake-model', tier: 2 },
            ],
            carryOn: 'on',
          },
        },
        health,
      },
    });
    t.after(() => {
      isOver = true;
      return gateway.close();
    });
    const rig = rigOf(second, gateway);
    let answered = 0;
    let servedElsewhere = 0;
    let brokenMs = Number.POSITIVE_INFINITY;
    const slow: number[] = [];
    const bad: string[] = [];
    const client = async (call: Call) => {
      while (!isOver) {
        const sentMs = performance.now();
        const { head } = await rig.ask(call).catch(() => ({ head: 'cut' }));
        answered += 1;
        if (!/^HTTP\/1\.1 200/.test(head)) bad.push(head);
        if (performance.now() - sentMs > 500) slow.push(performance.now() - brokenMs);
        if (performance.now() > brokenMs && /^x-millrace-target: second/m.test(head)) servedElsewhere += 1;
      }
    };
    const all = Array.from({ length: clients }, (_, index) => client(calls[index % calls.length] as Call));
    await until('all are served', () => answered > 10 * clients);
    const upstream = gateway.gateway.snapshot.upstreams.find(({ name }) => name === 'first');
    assert.ok(upstream);
    const { health: known, scheduler } = gateway.gateway.lasting;
    await until('it is up', () => known.of(upstream).state === 'up');
    brokenMs = performance.now();
    opened.fault();
    await until('it is left out', () => known.of(upstream).state === 'down');
    const outMs = performance.now() - brokenMs;
    await until('nobody waits there', () => scheduler.inFlight(upstream) === 0);
    await until('all are served elsewhere', () => servedElsewhere >= 4 * clients);
    isOver = true;
    await Promise.all(all);
    t.diagnostic(
      `left out after ${Math.round(outMs)} ms; answers that took more than half a second came until ${Math.round(Math.max(0, ...slow))} ms`,
    );
    assert.deepEqual(bad, []);
  });
}
