/**
 * What scheduling costs a request, without anything around it: `node bench/schedule.ts [requests]`. Policy, health and what
 * is learnt are those of the gateway. Once where nothing waits, and at 1,000 waiting in three shapes: each request comes,
 * waits, and leaves with a slot that another gave back.
 */
import type { Target } from '../src/core/exchange.ts';
import type { Ending, Want } from '../src/core/fleet.ts';
import type { Occupied } from '../src/fleet/at-work.ts';
import { Health } from '../src/fleet/health.ts';
import { queueOptions } from '../src/fleet/options.ts';
import { Residency } from '../src/fleet/residency.ts';
import { Scheduler } from '../src/fleet/scheduler.ts';
import { ServiceTimes } from '../src/fleet/service-times.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { openaiAdapter } from '../src/providers/openai/adapter.ts';
import { policies } from '../src/routing/policies/registry.ts';
import { createLearnt } from '../src/wiring/learnt.ts';
import { tellGoal } from './tell-goal.ts';

const requests = Number(process.argv[2] ?? 200_000);
const warmUp = 20_000;
const waitingMax = 1_000;
const ending: Ending = { outcome: 'served', tookMs: 100, firstContentMs: 10, outputTokens: 100, cold: false };
const nobody: ReadonlySet<string> = new Set();

function open(queue = queueOptions.parse({})) {
  return new Scheduler({
    clock,
    queue,
    gate: new Health(clock),
    learnt: createLearnt({
      residency: new Residency({ clock }),
      serviceTimes: new ServiceTimes(clock),
      price: () => 0,
    }),
  });
}

function targets(servers: number): readonly Target[] {
  return Array.from({ length: servers }, (_, at) => ({
    upstream: {
      name: `server${at}`,
      identity: `server${at}#1`,
      slots: 4,
      slotsAssumed: false,
      zone: '',
      loadsModels: true,
      secrets: [],
      adapter: openaiAdapter,
      transport: { send: unused, close: () => Promise.resolve() },
    },
    model: 'model',
    tier: 1,
    weight: 1,
  }));
}

function unused(): never {
  throw new TypeError('nothing is sent here');
}

interface Shape {
  readonly tenants: number;
  readonly models: number;
}

function wantsOf({ tenants, models }: Shape): (at: number) => Want {
  const candidates = targets(3);
  const policy = policies.auto({ zones: [], affinity: true });
  return (at) => ({
    model: `model${at % models}`,
    candidates,
    visited: nobody,
    policy,
    tenant: `tenant${at % tenants}`,
    key: 'key',
    tokens: 100 + (at % 7) * 50,
    answerTokens: 100,
    priority: 0,
    bytes: 100,
    places: 1,
    arrivedMs: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
    prefix: at + 1,
  });
}

function idle(times: number): void {
  const scheduler = open();
  const want = wantsOf({ tenants: 1, models: 1 });
  for (let at = 0; at < times; at += 1) scheduler.take(want(at))?.release(ending);
}

const stays = { queueMs: 30_000, onLeave: () => {} };

async function crowded(times: number, shape: Shape): Promise<void> {
  const scheduler = open();
  const want = wantsOf(shape);
  const held: Occupied[] = [];
  let at = 0;
  const come = () => {
    const next = want(at);
    at += 1;
    const slot = scheduler.take(next);
    if (slot === undefined) void scheduler.wait(next, stays).then((given) => held.push(given));
    else held.push(slot);
  };
  while (scheduler.waiting < waitingMax) come();
  while (at < times) {
    for (const slot of held.splice(0)) {
      slot.release(ending);
      come();
    }
    await Promise.resolve();
  }
}

const passedOver = 10_000;

/** Ten thousand wait who have visited the only server that is free; whoever comes may be sent there. */
async function visited(times: number): Promise<void> {
  const places = { places: passedOver + 10, bytes: Number.MAX_SAFE_INTEGER };
  const scheduler = open({ ...queueOptions.parse({}), ...places });
  const next = wantsOf({ tenants: 100, models: 1 });
  const [free, ...busy] = next(0).candidates;
  const held = busy.flatMap((target) =>
    Array.from({ length: target.upstream.slots }, () => scheduler.take({ ...next(0), candidates: [target] })),
  );
  const names = new Set([free?.upstream.name ?? '']);
  for (let at = 0; at < passedOver; at += 1)
    void scheduler.wait({ ...next(at), visited: names }, stays).catch(() => {});
  for (let at = 0; at < times; at += 1) (await scheduler.wait(next(at), stays)).release(ending);
  if (scheduler.waiting !== passedOver || held.length === 0) throw new RangeError('it is not what it says');
}

async function measure(name: string, run: (times: number) => Promise<void> | void): Promise<number> {
  await run(warmUp);
  const before = process.cpuUsage();
  await run(requests);
  const { user, system } = process.cpuUsage(before);
  const eachUs = (user + system) / requests;
  console.log(`${eachUs.toFixed(2)} us of CPU a request: ${name}`);
  return eachUs;
}

const idleUs = await measure('nothing waits', idle);
const crowdedUs = Math.max(
  await measure('1,000 wait, of one tenant', (times) => crowded(times, { tenants: 1, models: 1 })),
  await measure('1,000 wait, of 1,000 tenants', (times) => crowded(times, { tenants: 1_000, models: 1 })),
  await measure('1,000 wait, for 10 models', (times) => crowded(times, { tenants: 100, models: 10 })),
);
await measure('10,000 wait who may not be sent to the free server', visited);
tellGoal({ text: 'scheduling, nothing waits, µs', bound: '≤ 3', found: idleUs, isMet: idleUs <= 3 });
tellGoal({ text: 'scheduling, 1,000 wait, µs', bound: '≤ 10', found: crowdedUs, isMet: crowdedUs <= 10 });
process.exit();
