/**
 * What the chain itself costs, without sockets: `node bench/chain.ts [requests] [budgets | free | shareable | many | WITHOUT …]`. Everything
 * is as in the running gateway, keys, limits, accounting and all; only the transport answers from memory, at once. With
 * `budgets` three apply: of the key, of the tenant, of everybody. With `free` nobody sends a bill. `no-keys`, `no-limits`,
 * `no-pricing` and `no-ledger` leave out what they name, so that it can be told what each costs. With `shareable` equal requests would share a call, and none are equal.
 * With `many` each of 100,000 keys has asked before; then one of them asks, and any of them at random, in turns.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import type { Incoming } from '../src/core/exchange.ts';
import { Signal } from '../src/core/signal.ts';
import { Trail } from '../src/core/trail.ts';
import type { Transport } from '../src/core/transport.ts';
import { Catalogue } from '../src/fleet/catalogue.ts';
import { Health } from '../src/fleet/health.ts';
import { LiveStreams } from '../src/fleet/live-streams.ts';
import { queueOptions } from '../src/fleet/options.ts';
import { Priorities } from '../src/fleet/priorities.ts';
import { Quarantine } from '../src/fleet/quarantine.ts';
import { Residency } from '../src/fleet/residency.ts';
import { RetryBudget } from '../src/fleet/retry-budget.ts';
import { Scheduler } from '../src/fleet/scheduler.ts';
import { ServiceTimes } from '../src/fleet/service-times.ts';
import { KeyIndex } from '../src/identity/key-index.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { createSealingKey, KeyRing } from '../src/lib/seal.ts';
import { uuidv7 } from '../src/lib/uuid.ts';
import { OutputLengths } from '../src/money/output-lengths.ts';
import { PriceBook } from '../src/money/price-book.ts';
import { readPriceCatalogue } from '../src/money/price-catalogue.ts';
import { createPricing } from '../src/money/price-exchange.ts';
import { CallsUnderWay } from '../src/pipeline/calls-under-way.ts';
import { createChain } from '../src/pipeline/chain.ts';
import { callRoutes } from '../src/protocol/call-routes.ts';
import { createRouteTable } from '../src/protocol/route-table.ts';
import { voices } from '../src/protocol/voices.ts';
import { openaiAdapter } from '../src/providers/openai/adapter.ts';
import { defaultClocks } from '../src/routing/clocks.ts';
import { ModelTable } from '../src/routing/model-table.ts';
import { policies } from '../src/routing/policies/registry.ts';
import { createMemoryBudgets } from '../src/stores/memory/budgets.ts';
import { createMemoryConversations } from '../src/stores/memory/conversations.ts';
import { createMemoryKeyStore } from '../src/stores/memory/key-store.ts';
import { createMemoryRateLimiter } from '../src/stores/memory/rate-limiter.ts';
import { openStore } from '../src/stores/open-store.ts';
import { openSpool } from '../src/stores/spool/open-spool.ts';
import { createAccounts } from '../src/telemetry/accounts.ts';
import { endLine, intentLine, logLine } from '../src/telemetry/exchange-line.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { spoolEnds } from '../src/telemetry/spool-ends.ts';
import { createLearnt } from '../src/wiring/learnt.ts';
import { authorizationOf, keyOf } from './arrived-key.ts';
import { spreadOf } from './statistics.ts';

const requests = Number(process.argv[2] ?? 300_000);
const asked = new Set(process.argv.slice(3));
const withBudgets = asked.has('budgets');
const isFree = asked.has('free');
const isShareable = asked.has('shareable');
const nothingSaid = Promise.resolve(true);
const holders = asked.has('many') ? 100_000 : 1;
const warmUp = Math.max(holders, Math.min(50_000, requests));

const bodyOf = (lane: number) =>
  Buffer.from(
    JSON.stringify({
      model: 'bench',
      max_tokens: 128 + lane,
      temperature: isShareable ? 0 : 0.7,
      messages: [
        { role: 'system', content: 'You are a helpful assistant that answers shortly and in plain words.' },
        { role: 'user', content: 'How does a water mill turn the force of a stream? '.repeat(4) },
      ],
    }),
  );
const answer = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1,
    model: 'bench',
    choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(400) }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 64, completion_tokens: 70, total_tokens: 134 },
  }),
);
const answerHeaders = { 'content-type': 'application/json' };
const flow = { pause: () => {}, resume: () => {}, abort: () => {} };
const transport: Transport = {
  send: (_request, receiver) => {
    receiver.sent();
    queueMicrotask(() => {
      receiver.head(200, answerHeaders);
      receiver.data(answer);
      receiver.end();
    });
    return flow;
  },
  close: () => Promise.resolve(),
};

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const complain = (trouble: unknown) => console.error(trouble);
const store = await openStore('sqlite', { dataDir: folder, replicas: () => 1, clock, onTrouble: complain });
const spool = await openSpool({
  masterKeys: new KeyRing(createSealingKey(randomBytes(32))),
  sealsLines: true,
  dir: join(folder, 'spool'),
  clock,
  ledger: store.ledger,
  told: {
    cannotWrite: complain,
    cannotShip: complain,
    refused: complain,
    lost: complain,
    wentDown: complain,
  },
});
const upstream = {
  name: 'bench',
  adapter: openaiAdapter,
  transport,
  identity: 'bench',
  slots: 1000,
  slotsAssumed: false,
  zone: '',
  loadsModels: false,
  secrets: [],
};
const health = new Health(clock);
const targets = [{ upstream, model: 'bench', tier: 1, weight: 1 }];
const policy = policies.auto({ zones: [], affinity: true });
const models = new ModelTable({
  models: new Map([['bench', { targets, clocks: defaultClocks, policy }]]),
  upstreams: [upstream],
  offers: new Catalogue(),
  createPolicy: () => policy,
  defaultClocks,
  defaultModel: undefined,
});
const metrics = createMetrics({
  batches: () => '',
  loads: () => '',
  inFlight: () => 0,
  queued: () => 0,
  upstreams: () => [],
  spoolLost: () => 0,
  contentsLost: () => 0,
  turnsLost: () => 0,
  alertsLost: () => 0,
  retriesRefused: () => 0,
  wrongKeysHeld: () => 0,
  degraded: () => ({}),
});
const staticKeys = Array.from({ length: holders }, (_, at) => ({
  key: keyOf(at),
  principal: { keyName: `bench-${at}`, tenant: 'default', team: '', user: '', role: 'developer' } as const,
}));
const each = { perMs: 1, count: 1e9 };
/** The log's lines, each over the one before. */
const logged = Buffer.alloc(4_096);
const accounts = createAccounts({
  intend: (trail) => (asked.has('no-ledger') ? nothingSaid : spool.intend(intentLine(trail))),
  lineOf: endLine,
  settle: (ended) => (asked.has('no-ledger') ? undefined : spool.settle(spoolEnds(ended))),
  observers: [
    ({ trail }) => metrics.observe(trail),
    ({ trail, line }) => void logged.write(logLine(trail, line, trail.wallMs)),
  ],
});
const pricing = createPricing({
  book: new PriceBook({
    prices: isFree ? {} : { bench: { inputPerM: 2.5, cachedInputPerM: 1.25, outputPerM: 10 } },
    configId: 'bench',
    billing: new Map(),
    catalogue: readPriceCatalogue,
  }),
  premium: undefined,
  onUnknown: complain,
});
const large = { usd: 1_000_000, window: 'month', alertAt: [1] } as const;
const budgets = createMemoryBudgets(
  [
    { per: 'key', ...large },
    { per: 'tenant', ...large },
    { per: 'global', ...large },
  ],
  { clock, spentBefore: () => Promise.resolve(0), onCrossed: complain },
);
/** Nobody has prompts and answers kept. */
const keyIndex = new KeyIndex(() => () => false);
const lines = { clock, commentAfterMs: 10_000, written: accounts.written };
const handler = createChain({
  telemetry: {
    clock,
    configId: 'bench',
    degraded: () => '',
    voices,
    accounts,
  },
  voices: { voices },
  routes: { routes: createRouteTable(callRoutes({ bodyBytesMax: 1e7, bodyMs: 60_000 })) },
  keys: {
    keys: createMemoryKeyStore(staticKeys, clock),
    required: !asked.has('no-keys'),
    metrics: 'auto',
    operatorBeyondLoopback: false,
    wrongKeys: { turn: () => undefined },
    homeTenant: 'default',
  },
  limiter: {
    limiter: createMemoryRateLimiter(
      [
        { per: 'key', requests: each, burst: 1e6 },
        { per: 'address', requests: each, burst: 1e6 },
      ],
      clock,
    ),
  },
  knowledge: { accepting: () => true, hasRoom: () => true },
  bodies: { allowParameters: new Set(), homeTenant: 'default' },
  replays: { claims: undefined, bytesMax: 0 },
  contents: { contents: { daysOf: (tenant) => keyIndex.contentDays(tenant), add: () => {} } },
  conversations: {
    conversations: createMemoryConversations(
      { ttlS: 60, bytesMax: 1e6, messagesMax: 10, conversationBytesMax: 1e6 },
      clock,
    ),
  },
  routing: { models },
  sharing: {
    clock,
    modeOf: () => 'auto',
    scope: 'tenant',
    waitersMax: 1_024,
    bytesMax: 1_048_576,
    priceShared: pricing.priceShared,
  },
  spending: {
    intend: accounts.intend,
    isBilled: (served) => pricing.ratesAhead(served, 0).inputPicoUsd > 0,
    price: asked.has('no-pricing') ? () => {} : pricing.price,
    priceMore: pricing.priceMore,
    onDoubted: () => {},
    lengths: new OutputLengths(),
    ratesAhead: pricing.ratesAhead,
    answerTokensMax: pricing.answerTokensMax,
    promptMargin: 0.25,
    budgets: withBudgets ? budgets : undefined,
  },
  batches: {
    clock,
    boundsOf: () => ({ maxBatch: 8, maxWaitMs: 50, window: 1 }),
    isFree: () => true,
    mayMerge: () => true,
    places: { seat: () => () => {} },
    priorities: { of: () => ({ usual: 0, max: 0 }) },
    told: { joined: () => {}, left: () => {}, sent: () => {}, parted: () => {} },
  },
  survival: {
    ...lines,
    triesMax: 3,
    comment: false,
    isOn: () => true,
    goesOn: () => true,
    isWell: () => true,
    isOpen: () => true,
    isAllowed: () => true,
    streams: new LiveStreams(),
    onCarriedOn: () => {},
  },
  retries: {
    ...lines,
    attempts: 2,
    share: 0.2,
    budget: new RetryBudget({ clock, active: () => 0 }),
    quarantineMs: 30_000,
    quarantine: new Quarantine({ clock }),
    onFailed: () => {},
  },
  fleet: {
    scheduler: new Scheduler({
      clock,
      queue: queueOptions.parse({}),
      gate: health,
      learnt: createLearnt({
        residency: new Residency({ clock }),
        serviceTimes: new ServiceTimes(clock),
        price: () => 0,
      }),
    }),
    clock,
    lengths: new OutputLengths(),
    priorities: new Priorities([]),
  },
  lines,
  delivery: {
    clock,
    health,
    underWay: new CallsUnderWay(),
    written: accounts.written,
    answerBytesMax: 1e7,
    eventBytesMax: 1e6,
  },
});

let begun = 0;
let byAny = false;

/** At first each in turn, so that everybody was there before. */
function nextHolder(): number {
  begun += 1;
  if (begun <= holders) return begun - 1;
  return byAny ? Math.floor(Math.random() * holders) : 0;
}

const incomingOf = (read: Promise<Buffer>): Incoming => ({
  method: 'POST',
  path: '/v1/chat/completions',
  query: undefined,
  targetBytes: 20,
  pathKey: undefined,
  headers: {
    ...(asked.has('no-keys') ? {} : { authorization: authorizationOf(nextHolder()) }),
    'content-type': 'application/json',
  },
  // Not loopback: limits are to be counted.
  remoteAddress: '192.0.2.1',
  onLoopback: asked.has('no-limits'),
  fault: undefined,
  readBody: () => read,
  streamBody: () => {
    throw new TypeError('the chain reads whole bodies');
  },
});

/** As many under way as a busy server has: what one turn of the event loop brings is written together. */
const lanes = 64;

async function serve(times: number): Promise<void> {
  let left = times;
  const lane = async (_: unknown, number: number) => {
    const body = Promise.resolve(bodyOf(number));
    while (left > 0) {
      left -= 1;
      const incoming = incomingOf(body);
      const wallMs = clock.wall();
      const trail = new Trail(uuidv7(wallMs), { startedMs: clock.now(), wallMs });
      const reply = await handler({ incoming, trail, signal: new Signal() });
      if (reply.status !== 200) throw new Error(`the chain answered ${reply.status}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** What was ever allocated, which no neighbour on the machine changes. */
const allocatedBytes = () => getHeapStatistics().total_allocated_bytes ?? 0;

await serve(warmUp);
if (holders === 1) {
  const { allUs, bytes } = await measure(requests);
  console.log(
    `${allUs.toFixed(2)} us of CPU and ${Math.round(bytes)} bytes on the heap a request, ${requests} requests`,
  );
} else await compare();
accounts.flush();
await spool.close();
await store.close();
rmSync(folder, { recursive: true });

/** The thread of requests is told apart: garbage is collected and the ledger written beside it. */
async function measure(times: number) {
  const before = process.cpuUsage();
  const threadBefore = process.threadCpuUsage();
  const bytesBefore = allocatedBytes();
  await serve(times);
  const all = process.cpuUsage(before);
  const thread = process.threadCpuUsage(threadBefore);
  return {
    allUs: (all.user + all.system) / times,
    threadUs: (thread.user + thread.system) / times,
    bytes: (allocatedBytes() - bytesBefore) / times,
  };
}

/** In turns, because the machine is not always as fast. */
async function compare(): Promise<void> {
  const turns = 12;
  const us = { one: [] as number[], any: [] as number[] };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const by of ['one', 'any'] as const) {
      byAny = by === 'any';
      us[by].push((await measure(Math.ceil(requests / turns))).threadUs);
    }
  }
  for (const [by, all] of Object.entries(us)) {
    const { median = 0 } = spreadOf(all) ?? {};
    const least = Math.min(...all).toFixed(2);
    console.log(
      `by ${by} of ${holders}: ${median.toFixed(2)} us of the thread's CPU a request, at least ${least}`,
    );
  }
}
