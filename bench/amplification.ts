/**
 * What upstreams get when everything fails, of what clients ask: `node bench/amplification.ts [seconds]`. A thousand requests a
 * second; once three servers say 503, and once that they have no such model, for which nobody is left out.
 */
import { setTimeout } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { openTestGateway } from '../test/gateway.ts';
import type { Behaviour } from '../test/upstream/behaviour.ts';
import { openFakeLlm } from '../test/upstream/fake-llm.ts';
import { tellGoal } from './tell-goal.ts';

const forMs = Number(process.argv[2] ?? 3) * 1_000;
const perMs = 1;
const most = 1.2;
const failures: Readonly<Record<string, Partial<Behaviour>>> = {
  'every server says 503': { status: 503 },
  'nobody is left out for it': {
    status: 404,
    body: '{"error":{"message":"no such model","code":"model_not_found"}}',
  },
};

for (const [name, behaviour] of Object.entries(failures)) {
  const { asked, sent } = await measure(behaviour);
  console.log(`${name}: ${sent} calls for ${asked} requests`);
  const ratio = sent / asked;
  tellGoal({ text: `amplification, ${name}`, bound: `≤ ${most}`, found: ratio, isMet: ratio <= most });
}
process.exit();

async function measure(behaviour: Partial<Behaviour>): Promise<{ asked: number; sent: number }> {
  const llms = await Promise.all(['a', 'b', 'c'].map(() => openFakeLlm(behaviour)));
  const gateway = await openTestGateway({
    config: {
      upstreams: Object.fromEntries(
        llms.map(({ url }, index) => [`s${index}`, { type: 'openai', url: `${url}/v1`, slots: 100 }]),
      ),
      models: {
        o: {
          targets: llms.map((_, index) => ({ upstream: `s${index}`, model: 'fake-model' })),
          clocks: { queueMs: 200 },
        },
      },
    },
  });
  const agent = new Agent({ connections: 256 });
  const replies: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - startedMs) {
    while (replies.length < passedMs * perMs) replies.push(ask(gateway, agent));
    await setTimeout(1);
  }
  await Promise.all(replies);
  const calls = llms.map(({ requests }) => requests.filter(({ method }) => method === 'POST').length);
  await agent.close();
  await gateway.close();
  await Promise.all(llms.map((llm) => llm.close()));
  return { asked: replies.length, sent: calls.reduce((sum, each) => sum + each, 0) };
}

async function ask({ url, key }: { url: string; key: string }, dispatcher: Agent): Promise<void> {
  const { body } = await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    dispatcher,
    headers: { authorization: `Bearer ${key}` },
    body: '{"model":"o","messages":[{"role":"user","content":"hi"}]}',
  });
  await body.dump();
}
