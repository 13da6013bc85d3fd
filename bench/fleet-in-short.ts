/**
 * What the cells in virtual time say, in short runs over sockets: `node bench/fleet-in-short.ts [SCENE,…]`. The whole gateway, servers
 * that take their time, and a real clock; three equal servers against one, uneven conversations, two models on two servers, one tenant
 * at ten times its share, and twice the load with deadlines. Models are made up: a server works for as long as a request says. The arrivals are those of a seed; what a busy machine adds is in the figures.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { createRandom } from '../src/engines/simulator/random.ts';
import { openTestGateway, type TestGateway } from '../test/gateway.ts';
import { createJobs, type Job, type ServerKind } from './fleet/jobs.ts';
import { inOrder } from './fleet/model-switches.ts';
import { outcomeOf } from './fleet/outcome.ts';
import { BusyWindows, Popular } from './fleet/prefix-hits.ts';
import { type Work, WorkingServer, type WorkingServerOptions } from './fleet/working-server.ts';
import { tellGoal } from './tell-goal.ts';

const seed = 7;
const asked = process.argv[2]?.split(',');

const scenes: Readonly<Record<string, () => Promise<void>>> = { equal, prefix, switches, tenant, overload };
for (const [name, run] of Object.entries(scenes)) if (asked?.includes(name) ?? true) await run();
process.exit();

interface Rig {
  readonly gateway: TestGateway;
  readonly servers: readonly WorkingServer[];
  ask(work: Work, said?: Saying): Promise<number>;
  close(): Promise<void>;
}

interface Saying {
  readonly model?: string;
  readonly key?: string;
  readonly deadlineMs?: number;
}

async function openRig(
  servers: number,
  options: WorkingServerOptions,
  config: Readonly<Record<string, unknown>> = {},
): Promise<Rig> {
  const all = Array.from({ length: servers }, () => new WorkingServer(options));
  const urls = await Promise.all(all.map((server) => server.listen()));
  const [type, path] = options.loadMs === undefined ? ['openai', '/v1'] : ['ollama', ''];
  const { slots } = options;
  const model = { affinity: 'on', clocks: { queueMs: 60_000 }, ...(config['model'] as object) };
  const gateway = await openTestGateway({
    config: {
      upstreams: Object.fromEntries(urls.map((url, at) => [`s${at}`, { type, url: url + path, slots }])),
      models: Object.fromEntries(
        options.models.map((name) => [
          name,
          { targets: urls.map((_, at) => ({ upstream: `s${at}`, model: name })), ...model },
        ]),
      ),
      ...(config['rest'] as object),
    },
  });
  const agent = new Agent({ connections: 2_000 });
  return {
    gateway,
    servers: all,
    ask: async (work, { model: name = options.models[0] ?? '', key = gateway.key, deadlineMs } = {}) => {
      const messages = [
        { role: 'user', content: JSON.stringify(work) },
        { role: 'assistant', content: 'so far' },
        { role: 'user', content: `on ${Math.random()}` },
      ];
      const { statusCode, body } = await request(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        dispatcher: agent,
        headers: {
          authorization: `Bearer ${key}`,
          ...(deadlineMs === undefined ? {} : { 'x-millrace-deadline-ms': String(Math.ceil(deadlineMs)) }),
        },
        body: JSON.stringify({ model: name, messages }),
      });
      await body.dump();
      return statusCode;
    },
    close: async () => {
      await agent.destroy();
      await gateway.close();
      for (const server of all) server.close();
    },
  };
}

/** Each in its time, whether those before it are done or not; the statuses in the order of coming. */
async function play<J extends Pick<Job, 'arrivesMs'>>(jobs: readonly J[], ask: (job: J) => Promise<number>) {
  const begunMs = performance.now();
  const replies: Promise<number>[] = [];
  for (const job of jobs) {
    const restMs = begunMs + job.arrivesMs - performance.now();
    if (restMs > 0) await sleep(restMs);
    replies.push(ask(job));
  }
  return { begunMs, statuses: replies };
}

/** Of work that was done in the end, what was done in that time. */
function workWithin({ servers }: Rig, fromMs: number, untilMs: number): number {
  return servers
    .flatMap(({ done }) => done)
    .reduce((sum, { endedMs, tookMs }) => {
      const ms = Math.min(endedMs, untilMs) - Math.max(endedMs - tookMs, fromMs);
      return sum + Math.max(0, ms);
    }, 0);
}

/** As many clients as keep every slot busy, for so long. */
async function equal(): Promise<void> {
  const forMs = 6_000;
  const atATime: number[] = [];
  for (const count of [1, 3]) {
    const rig = await openRig(count, { slots: 4, models: ['m'] });
    const random = createRandom(seed);
    const begunMs = performance.now();
    const endMs = begunMs + forMs;
    const client = async () => {
      while (performance.now() < endMs) await rig.ask({ id: 0, workMs: 150 + 300 * random() });
    };
    await Promise.all(Array.from({ length: 24 * count }, client));
    atATime.push(workWithin(rig, begunMs, endMs) / forMs);
    await rig.close();
  }
  const [one = 0, three = 0] = atATime;
  const found = three / one;
  console.log(
    `equal servers of 4 slots, work done at a time: one ${one.toFixed(2)}, three ${three.toFixed(2)}`,
  );
  tellGoal({ text: 'over sockets: three equal servers, of one', bound: '≥ 2.9', found, isMet: found >= 2.9 });
}

/** Ten times as fast as in virtual time: the worst second stands for the worst ten. */
async function prefix(): Promise<void> {
  const [slots, betweenMs, count, windowMs] = [16, 9, 1_500, 1_000];
  const rig = await openRig(3, { slots, models: ['m'] });
  const random = createRandom(seed);
  const popular = new Popular(random);
  let atMs = 0;
  const jobs = Array.from({ length: count }, () => {
    atMs -= Math.log(1 - random()) * betweenMs;
    const { id, tokens, isNew } = popular.next(atMs * 10);
    return { arrivesMs: atMs, id, isNew, promptMs: tokens / 20, workMs: 12 - Math.log(1 - random()) * 225 };
  });
  const { begunMs, statuses } = await play(jobs, ({ id, promptMs, workMs }) =>
    rig.ask({ id, promptMs, workMs }),
  );
  await Promise.all(statuses);
  const busy = new BusyWindows(rig.servers, windowMs);
  const sum = { asked: 0, hit: 0 };
  for (const server of rig.servers) {
    for (const { endedMs, tookMs, wasRead, promptMs = 0 } of server.done) {
      busy.add(server, endedMs - tookMs - begunMs, endedMs - begunMs);
      sum.asked += promptMs;
      if (wasRead) sum.hit += promptMs;
    }
  }
  const firsts = jobs.reduce((total, { isNew, promptMs }) => total + (isNew ? promptMs : 0), 0);
  const hits = sum.hit / (sum.asked - firsts);
  const { worst, median } = busy.imbalance(atMs);
  console.log(
    `${count} requests of uneven conversations, 3 servers of ${slots} slots, seed ${seed}: hits ${hits.toFixed(3)}, imbalance in the median second ${median.toFixed(2)}, in the worst ${worst.toFixed(2)}`,
  );
  tellGoal({
    text: 'over sockets: prefix hits, of all there could be',
    bound: '≥ 0.9',
    found: hits,
    isMet: hits >= 0.9,
  });
  tellGoal({
    text: 'over sockets: imbalance, worst window',
    bound: '≤ 1.25',
    found: worst,
    isMet: worst <= 1.25,
  });
  await rig.close();
}

/** Twenty times as fast, the time for which a server stays with its model too. */
async function switches(): Promise<void> {
  const [compression, loadMs, models] = [20, 500, ['one', 'other']];
  const servers: readonly ServerKind[] = [1, 2].map(() => ({ slots: 1, speed: 1 }));
  const virtual = createJobs({ servers, load: 0.7, count: 480, seed });
  const fifo = await inOrder(virtual, seed);
  const rig = await openRig(2, { slots: 1, models, loadMs }, { rest: { queue: { stayMs: 500 } } });
  const random = createRandom(seed + 1);
  const jobs = virtual.map(({ arrivesMs, workMs }) => ({
    arrivesMs: arrivesMs / compression,
    workMs: workMs / compression,
    model: models[random() < 0.5 ? 0 : 1] ?? '',
  }));
  const { statuses } = await play(jobs, ({ workMs, model }) => rig.ask({ id: 0, workMs }, { model }));
  const failed = (await Promise.all(statuses)).filter((status) => status !== 200).length;
  const loads = rig.servers.reduce((sum, server) => sum + server.loads, 0);
  const found = loads / fifo.switches;
  console.log(
    `${jobs.length} requests for two models, 2 servers of one slot, seed ${seed}: ${loads} loads, in order ${fifo.switches} (in virtual time); ${failed} failed`,
  );
  tellGoal({
    text: 'over sockets: model switches, of those in order',
    bound: '≤ 0.2',
    found,
    isMet: found <= 0.2,
  });
  await rig.close();
}

/** Twenty times as fast: nine tenants at 0.7 of their share of three servers, beside a tenth at as much and at ten times its share. */
async function tenant(): Promise<void> {
  const [compression, slots, tenants, share, count, rounds] = [20, 4, 10, 0.7, 900, 2];
  const servers: readonly ServerKind[] = [1, 2, 3].map(() => ({ slots, speed: 1 }));
  const keys = createKeys(tenants);
  const inShort = ({ arrivesMs, workMs }: Job, tenant: number) => ({
    arrivesMs: arrivesMs / compression,
    workMs: workMs / compression,
    tenant,
  });
  const light = createJobs({ servers, load: (share * (tenants - 1)) / tenants, count, seed }).map((job, at) =>
    inShort(job, 1 + (at % (tenants - 1))),
  );
  const lastMs = light.at(-1)?.arrivesMs ?? 0;
  const tookMs = new Map<number, number[]>([share, 10].map((factor) => [factor, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [factor, took] of tookMs) {
      const heavy = createJobs({ servers, load: factor / tenants, count: 2 * count, seed: seed + 1 })
        .map((job) => inShort(job, 0))
        .filter(({ arrivesMs }) => arrivesMs < lastMs);
      const rig = await openRig(3, { slots, models: ['m'] }, { model: { affinity: 'off' }, rest: { keys } });
      const jobs = [...light, ...heavy].sort((one, other) => one.arrivesMs - other.arrivesMs);
      const begunMs = performance.now();
      const { statuses } = await play(jobs, async ({ arrivesMs, workMs, tenant }) => {
        const { key } = keys[tenant] ?? {};
        // Who floods is cut off when the others have their answers.
        const status = await rig.ask({ id: 0, workMs }, key === undefined ? {} : { key }).catch(() => 0);
        if (tenant !== 0) took.push(performance.now() - begunMs - arrivesMs);
        return status;
      });
      const lights = await Promise.all(statuses.filter((_, at) => jobs[at]?.tenant !== 0));
      if (lights.some((status) => status !== 200)) throw new Error(`a light tenant was told ${lights}`);
      await rig.close();
    }
  }
  const [before = Number.NaN, beside = Number.NaN] = [...tookMs.values()].map(
    (took) => outcomeOf(took, 0).p99Ms,
  );
  const found = beside / before;
  console.log(
    `nine tenants at ${share} of their share of 3 servers of ${slots} slots, ${count} requests, seed ${seed}, ${rounds} times: p99 ${before.toFixed(0)} ms, beside the tenth at ten times its share ${beside.toFixed(0)} ms`,
  );
  tellGoal({
    text: 'over sockets: p99 of the others beside one at ten times its share, of what it was',
    bound: '< 1.2',
    found,
    isMet: found < 1.2,
  });
}

function createKeys(tenants: number) {
  return Array.from({ length: tenants }, (_, at) => ({
    name: `k${at}`,
    key: `sk-mr-${randomBytes(23).toString('hex')}`,
    tenant: `t${at}`,
    role: 'developer',
  }));
}

/** Five times as fast: deadlines of 6 to 24 s after they have come, by eight tenants; nobody tells how long answers are. */
async function overload(): Promise<void> {
  const [compression, slots, tenants, count] = [5, 4, 8, 960];
  const servers: readonly ServerKind[] = [1, 2, 3].map(() => ({ slots, speed: 1 }));
  const keys = createKeys(tenants);
  const rig = await openRig(
    3,
    { slots, models: ['m'] },
    { model: { clocks: { queueMs: 6_000 }, affinity: 'off' }, rest: { keys } },
  );
  const random = createRandom(seed + 1);
  const jobs = createJobs({ servers, load: 2, count, seed }).map(({ arrivesMs, workMs }, at) => ({
    arrivesMs: arrivesMs / compression,
    workMs: workMs / compression,
    said: { key: keys[at % tenants]?.key ?? '', deadlineMs: 6_000 + 18_000 * random() },
  }));
  const { begunMs, statuses } = await play(jobs, ({ workMs, said }) => rig.ask({ id: 0, workMs }, said));
  const lastMs = jobs.at(-1)?.arrivesMs ?? 0;
  await Promise.all(statuses);
  const counts = new Map<number, number>();
  for (const status of await Promise.all(statuses)) counts.set(status, (counts.get(status) ?? 0) + 1);
  const useMs = workWithin(rig, begunMs, begunMs + lastMs);
  const found = useMs / (lastMs * slots * servers.length);
  const told = Array.from(counts, ([status, times]) => `${times} of ${status}`).join(', ');
  console.log(
    `${count} requests of ${tenants} tenants at twice the load, 3 servers of ${slots} slots, seed ${seed}: ${told}`,
  );
  tellGoal({
    text: 'over sockets: goodput at twice the load, with deadlines',
    bound: '≥ 0.95',
    found,
    isMet: found >= 0.95,
  });
  await rig.close();
}
