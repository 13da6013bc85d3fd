/** One of three servers is killed while all of them have as much as they can do, and comes back. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { spawnLlm } from '../upstream/llm-process.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import { type Call, type ExchangeRow, rigOf, until } from './rig.ts';

export interface KilledServer {
  /** The statuses of all whole answers. */
  readonly wholes: readonly number[];
  /** How many streams said to be complete and were not what was asked for. */
  readonly lies: readonly string[];
  readonly streams: number;
  /** Streams that ended with an error. */
  readonly broken: number;
  readonly outMs: number;
  readonly backMs: number;
  /** Failures that it took until it was left out. */
  readonly failuresToOut: number;
  /** What it was at work on when it died. */
  readonly underWay: number;
  /** Requests that were sent to the dead one. */
  readonly foundOut: number;
}

export const slots = 4;
const dead = 'a';
const args = ['--first-token-ms', '20', '--tokens-per-second', '100', '--slots', String(slots)];
const text = 'one two three four five six';
const body = { messages: [{ role: 'user', content: text }] };
const whole: Call = { route: 'openai.chat', body };
const stream: Call = { ...whole, stream: true };

export interface KillOptions {
  /** Of the configuration, beside servers and models. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether the end of its slow start is waited for. */
  readonly wholeLoad: boolean;
}

export async function killOneOfThree(
  t: Pick<TestContext, 'after'>,
  { config, wholeLoad }: KillOptions,
): Promise<KilledServer> {
  const servers = await Promise.all([1, 2, 3].map(() => spawnLlm(t, { args })));
  const named = [dead, 'b', 'c'].map((name, index) => [name, servers[index]?.port] as const);
  const gateway = await openTestGateway({
    config: {
      upstreams: Object.fromEntries(
        named.map(([name, port]) => [name, { type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots }]),
      ),
      models: { o: { targets: named.map(([upstream]) => ({ upstream, model: 'fake-model' })) } },
      ...config,
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
  const killed = gateway.gateway.snapshot.upstreams.find(({ name }) => name === dead);
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
  // Not when it is looked at: by then one that was to try it may have failed as well.
  let failuresToOut: number | undefined;
  health.onChange(() => {
    if (health.of(killed).state === 'down') failuresToOut ??= health.of(killed).failures;
  });
  servers[0]?.child.kill('SIGKILL');
  const underWay = gateway.gateway.lasting.scheduler.inFlight(killed);
  const killedWallMs = Date.now();
  const killedAt = performance.now();
  await until('it is left out', () => failuresToOut !== undefined);
  const outMs = performance.now() - killedAt;
  const { length: served } = wholes;
  await until('the others serve', () => wholes.length > served + 50);
  const returnedWallMs = Date.now();
  await spawnLlm(t, { port: servers[0]?.port ?? 0, args });
  const backAt = performance.now();
  await until('it serves again', () => health.of(killed).state === 'up');
  const backMs = performance.now() - backAt;
  if (wholeLoad) await until('it has its whole load again', () => health.of(killed).standing === 'closed');
  over = true;
  await Promise.all(clients);

  const { lost, servedStill } = countOf(rig.exchanges(), killedWallMs, returnedWallMs);
  return {
    wholes,
    lies: streams.flatMap((said) => (said === undefined || said === `echo: ${text}` ? [] : [said])),
    streams: streams.length,
    broken: streams.filter((said) => said === undefined).length,
    outMs,
    backMs,
    failuresToOut: failuresToOut ?? Number.POSITIVE_INFINITY,
    underWay,
    foundOut: lost - (underWay - servedStill),
  };
}

/**
 * What its death cost: attempts, and streams of which something had come, which are no attempts. And what had left it in time and
 * was only read later.
 */
function countOf(
  exchanges: readonly ExchangeRow[],
  killedWallMs: number,
  returnedWallMs: number,
): { readonly lost: number; readonly servedStill: number } {
  let lost = 0;
  let servedStill = 0;
  for (const { attempts = [], carriedOn = [], upstream, outcome, time } of exchanges) {
    const wasSent = attempts.filter((attempt) => attempt.upstream === dead).length;
    const wasCut =
      carriedOn.some((cut) => cut.upstream === dead) || (upstream === dead && outcome !== 'complete');
    lost += Math.max(wasSent, wasCut ? 1 : 0);
    const isThen = time > killedWallMs && time <= returnedWallMs;
    if (isThen && upstream === dead && outcome === 'complete' && carriedOn.length === 0) servedStill += 1;
  }
  return { lost, servedStill };
}

/** What a stream said, if it says that this was all. */
function saidBy({ content }: RawReply): string | undefined {
  const events = content.toString().split('\n\n');
  if (!events.includes('data: [DONE]')) return undefined;
  const deltas = events.flatMap((event) => (event.startsWith('data: {') ? [JSON.parse(event.slice(6))] : []));
  return deltas.map((event) => event.choices?.[0]?.delta?.content ?? '').join('');
}
