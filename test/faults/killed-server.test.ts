// U1, G17: one of three servers is killed at full load, and comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { soaking } from '../soak.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { spawnLlm } from '../upstream/llm-process.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import { type Call, rigOf, until } from './rig.ts';

const slots = 4;
const args = ['--first-token-ms', '20', '--tokens-per-second', '100', '--slots', String(slots)];
const text = 'one two three four five six';
const body = { messages: [{ role: 'user', content: text }] };
const whole: Call = { route: 'openai.chat', body };
const stream: Call = { ...whole, stream: true };

/** What a stream said, if it says that this was all. */
function saidBy({ content }: RawReply): string | undefined {
  const events = content.toString().split('\n\n');
  if (!events.includes('data: [DONE]')) return undefined;
  const deltas = events.flatMap((event) => (event.startsWith('data: {') ? [JSON.parse(event.slice(6))] : []));
  return deltas.map((event) => event.choices?.[0]?.delta?.content ?? '').join('');
}

test('U1, G17: one of three killed at full load: no whole answer fails, no stream lies, and it is back by itself', async (t) => {
  const servers = await Promise.all([1, 2, 3].map(() => spawnLlm(t, { args })));
  const named = ['a', 'b', 'c'].map((name, index) => [name, servers[index]?.port] as const);
  const gateway = await openTestGateway({
    config: {
      upstreams: Object.fromEntries(
        named.map(([name, port]) => [name, { type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots }]),
      ),
      models: { o: { targets: named.map(([upstream]) => ({ upstream, model: 'fake-model' })) } },
      // As long as nobody says otherwise, where there is time for it.
      ...(soaking ? {} : { health: { everyMs: 1_000, eject: { slowStartMs: 1_000 } } }),
    },
  });
  let over = false;
  t.after(() => {
    over = true;
    return gateway.close();
  });
  const unused = await openFakeLlm();
  t.after(() => unused.close());
  const rig = rigOf(unused, gateway);
  const { health } = gateway.gateway.lasting;
  const killed = gateway.gateway.snapshot.upstreams.find(({ name }) => name === 'a');
  assert.ok(killed);

  const wholes: number[] = [];
  const streams: Array<string | undefined> = [];
  const client = async (call: Call) => {
    while (!over) {
      const reply = await rig.ask(call);
      if (call.stream === true) streams.push(saidBy(reply));
      else wholes.push(Number(reply.head.slice(9, 12)));
    }
  };
  const clients = Array.from({ length: 3 * slots + 3 }, (_, index) =>
    client(index % 3 === 0 ? stream : whole),
  );
  await until('all are at work', () => wholes.length > 30);
  servers[0]?.child.kill('SIGKILL');
  const killedAt = performance.now();
  await until('it is left out', () => health.of(killed).state === 'down');
  const outMs = performance.now() - killedAt;
  const { length: served } = wholes;
  await until('the others serve', () => wholes.length > served + 50);
  await spawnLlm(t, { port: servers[0]?.port ?? 0, args });
  const backAt = performance.now();
  await until('it serves again', () => health.of(killed).state === 'up');
  const backMs = performance.now() - backAt;
  // A slow start comes after that.
  if (!soaking) await until('it has its whole load again', () => health.of(killed).standing === 'closed');
  t.diagnostic(`out after ${Math.round(outMs)} ms, back ${Math.round(backMs)} ms after its return`);
  assert.ok(backMs <= 15_000, `${backMs} ms`);
  over = true;
  await Promise.all(clients);

  assert.deepEqual(
    [...new Set(wholes)],
    [200],
    `${wholes.filter((status) => status !== 200).length} of ${wholes.length} failed`,
  );
  const lies = streams.filter((said) => said !== undefined && said !== `echo: ${text}`);
  assert.deepEqual(lies, []);
  t.diagnostic(
    `${streams.filter((said) => said === undefined).length} of ${streams.length} streams ended with an error`,
  );
  const failedThere = rig
    .exchanges()
    .flatMap(({ attempts = [] }) => attempts.filter(({ upstream }) => upstream === 'a'));
  // Those that were on it when it died, and no more than five that found out.
  assert.ok(failedThere.length <= slots + 5, `${failedThere.length} were sent there in vain`);
});
