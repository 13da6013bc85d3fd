/** Opens everything and connects it: the running gateway, as the command line and the tests start it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readiness } from '../answers/knowledge.ts';
import type { Received } from '../core/exchange.ts';
import type { Conversations, Replays } from '../core/ports.ts';
import type { Handler } from '../core/stage.ts';
import { Catalogue } from '../fleet/catalogue.ts';
import { Scheduler } from '../fleet/scheduler.ts';
import { ServiceTimes } from '../fleet/service-times.ts';
import { refresh, watch } from '../fleet/watch.ts';
import { WrongKeys } from '../identity/wrong-keys.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { KeyRing } from '../lib/seal.ts';
import { OutputLengths } from '../money/output-lengths.ts';
import { CallsUnderWay } from '../pipeline/calls-under-way.ts';
import { createDerivedSealers } from '../stores/derived-sealers.ts';
import type { StaticKey } from '../stores/memory/key-store.ts';
import type { OpenSealers } from '../stores/sealers.ts';
import type { Shared } from '../stores/shared-state.ts';
import { fileName } from '../stores/store-options.ts';
import { type AccountsOptions, createAccounts } from '../telemetry/accounts.ts';
import { createBatchMetrics } from '../telemetry/batch-metrics.ts';
import { logTaken } from '../telemetry/debug-lines.ts';
import { endLine, intentLine } from '../telemetry/exchange-line.ts';
import type { Log } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { spoolEnds } from '../telemetry/spool-ends.ts';
import type { Alarms } from './alarms.ts';
import { createBudgeting } from './budgeting.ts';
import { createClaims, createReplays } from './claims.ts';
import { type ClientListener, openClientListener } from './client-listener.ts';
import { Departure } from './departure.ts';
import { createFleetHealth } from './fleet-health.ts';
import type { FollowedDirectory } from './followed-directory.ts';
import { type Foundations, openFoundations } from './foundations.ts';
import { Generations } from './generations.ts';
import { Issuers } from './issuers.ts';
import type { KeptBudgets } from './kept-budgets.ts';
import type { Lasting } from './lasting.ts';
import { createLearnt } from './learnt.ts';
import { MemoryWatch } from './memory-watch.ts';
import { Privacy } from './privacy.ts';
import type { Records } from './records.ts';
import { createShares, type Shares } from './shares.ts';
import { createSnapshot, type Snapshot } from './snapshot.ts';
import { UpstreamPool } from './upstreams.ts';
import { WarmModels } from './warm-models.ts';
import { createWarmRules, keepsAlive } from './warm-rules.ts';
import { createWatchOptions } from './watch-options.ts';
import { type Among, makeOnce, rendererOf } from './workers/among.ts';
import type { ConfigInForce } from './workers/sent-config.ts';

export interface GatewayOptions {
  readonly loaded: ConfigInForce;
  readonly log: Log;
  readonly clock: Clock;
  readonly ownKeys: readonly StaticKey[];
  /** False while another configuration may turn out to be in force than the one that it starts with. */
  readonly isConfigKnown?: () => boolean;
  /** The processes that it serves with as one gateway; absent where it serves alone. */
  readonly among?: Among;
}

export interface Gateway {
  readonly listener: ClientListener;
  readonly lasting: Lasting;
  readonly snapshot: Snapshot;
  /** Builds the new beside the old and swaps; what is in flight ends with what it started with. */
  reload(loaded: ConfigInForce): void;
  /**
   * Leaves as the configuration says: is no longer ready, then takes no more connections, then lets what is in flight
   * end. Whoever works in front of it needs no `preStopMs`.
   */
  drain(preStopMs?: number): Promise<void>;
  /** Refuses new work and lets what is in flight end, for so long at most. May be called again, after `drain` too. */
  close(graceMs: number): Promise<void>;
}

const conversationBytesMax = 1024 * 1024;
/** Requests with a key whose clients have left have so long to end: nobody else waits for them. */
const lastEndsMs = 2_000;

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const foundations = await openFoundations(options);
  let running: Running;
  try {
    running = new Running(options, foundations);
  } catch (thrown) {
    await foundations.close();
    throw thrown;
  }
  const { clock, log, among } = options;
  const { config } = options.loaded;
  try {
    if (among?.role === 'primary') await makeOnce(running.lasting, config);
    await running.lasting.drains.follow();
    const open = among?.openListener.bind(among) ?? openClientListener;
    running.listener = await open({
      config,
      clock,
      log,
      methods: [...new Set(running.snapshot.routes.map(({ method }) => method))],
      handler: () => running.handler,
    });
  } catch (thrown) {
    await running.close(0);
    throw thrown;
  }
  return running as Gateway;
}

type Measured = Pick<Lasting, 'batchMetrics' | 'warm' | 'scheduler' | 'retries' | 'wrongKeys'>;

class Running {
  readonly lasting: Lasting;
  listener: ClientListener | undefined;
  snapshot: Snapshot;
  handler: Handler<Received>;
  readonly #options: GatewayOptions;
  /** False of the primary of workers, who asks no upstream anything: each of them does so for itself. */
  readonly #serves: boolean;
  readonly #pool: UpstreamPool;
  readonly #foundations: Foundations;
  readonly #alarms: Alarms;
  readonly #records: Records;
  readonly #shared: Shared;
  readonly #sealers: OpenSealers;
  readonly #followed: FollowedDirectory;
  /** Absent where no other replica uses the same servers. */
  readonly #shares: Shares | undefined;
  readonly #generations = new Generations();
  readonly #underWay = new CallsUnderWay();
  readonly #departure: Departure;
  readonly #memory: MemoryWatch;
  #stopWatching: () => void = () => {};

  constructor(options: GatewayOptions, foundations: Foundations) {
    const { alarms, records, shared, sealers, masterKeys, followed } = foundations;
    this.#options = options;
    this.#foundations = foundations;
    this.#alarms = alarms;
    this.#records = records;
    this.#shared = shared;
    this.#sealers = sealers;
    this.#followed = followed;
    this.#serves = options.among?.role !== 'primary';
    this.#pool = new UpstreamPool(options.clock, {
      serves: this.#serves,
      nameServers: options.loaded.config.dns.servers,
    });
    if (this.#serves) this.#shares = createShares(options.clock, shared, masterKeys);
    // Memory fills by the machine's time, also where a test holds ours.
    this.#memory = new MemoryWatch({ ...options, clock: systemClock });
    this.#departure = new Departure({
      clock: options.clock,
      underWay: this.#underWay,
      holdNobody: () => this.lasting.wrongKeys.stop(),
      refuseWaiting: (failure) => this.lasting.scheduler.refuseAll(failure),
      listener: () => this.listener,
      release: () => this.#release(),
    });
    this.lasting = this.#createLasting(masterKeys);
    this.snapshot = this.#createSnapshot(options.loaded);
    foundations.keptBudgets.follow(() => this.snapshot.budgets);
    this.handler = this.#generations.begin(this.snapshot.handler, () => {});
    this.#followUpstreams();
  }

  reload(loaded: ConfigInForce): void {
    const { lasting } = this;
    const stopWatching = this.#stopWatching;
    const before = identitiesOf(this.snapshot);
    this.snapshot = this.#createSnapshot(loaded, this.snapshot);
    stopWatching();
    const { upstreams, config, handler } = this.snapshot;
    this.#followed.reconfigure(config.identity);
    lasting.wrongKeys.follow(config.identity.wrongKeys);
    this.handler = this.#generations.begin(handler, this.#pool.retire(upstreams));
    lasting.catalogue.keepOnly(upstreams);
    lasting.health.follow(config.health.eject);
    lasting.health.keepOnly(upstreams);
    lasting.serviceTimes.keepOnly(upstreams);
    this.#followUpstreams();
    lasting.alerts.follow(config.alerts, config.strangers);
    lasting.log.level = config.telemetry.logs.level;
    logTaken(lasting.log, { configId: loaded.id, before, now: identitiesOf(this.snapshot) });
  }

  #followUpstreams(): void {
    const { upstreams, config } = this.snapshot;
    this.lasting.scheduler.resize(config.queue, upstreams);
    void this.#shares?.slots.follow(upstreams);
    if (this.#serves) this.lasting.warm.follow(this.snapshot);
  }

  drain(preStopMs = this.snapshot.config.drain.preStopMs): Promise<void> {
    return this.#departure.drain({ ...this.snapshot.config.drain, preStopMs });
  }

  close(graceMs: number): Promise<void> {
    return this.#departure.close(graceMs);
  }

  async #release(): Promise<void> {
    this.#memory.close();
    this.#stopWatching();
    this.lasting.warm.close();
    try {
      // First: what is cut because we stop is no answer to be given again.
      await this.lasting.claims?.close(lastEndsMs);
      this.lasting.health.close();
      await this.lasting.drains.close();
      await this.#pool.close();
      await this.#shares?.slots.close();
      await this.lasting.privacy.close();
      this.lasting.accounts.flush();
    } finally {
      await this.#foundations.close();
      this.#options.log.flush();
    }
  }

  #readiness(): Readiness {
    if (this.#departure.begun) return 'draining';
    if (this.#memory.full) return 'full';
    const isKnown = this.#followed.keys.areKnown && (this.#options.isConfigKnown?.() ?? true);
    return isKnown && this.lasting.warm.isWarm ? 'ready' : 'starting';
  }

  #degraded(): string {
    const shared = this.#shared.state.degraded;
    if (this.#records.reachable) return shared ? 'shared' : '';
    return shared ? 'shared, store' : 'store';
  }

  #createSnapshot(loaded: ConfigInForce, before?: Snapshot): Snapshot {
    const { config, id } = loaded;
    const rules = keepsAlive(config) ? createWarmRules(config) : undefined;
    const upstreams = this.#pool.reconcile(config, rules);
    const watching = createWatchOptions(this.lasting, config);
    const snapshot = createSnapshot(this.lasting, {
      id,
      config,
      upstreams,
      before,
      ownKeys: this.#options.ownKeys,
      refresh: (upstream) => refresh(upstream, watching),
    });
    if (this.#serves) this.#stopWatching = watch(upstreams.all, watching);
    return snapshot;
  }

  #createConversations(masterKeys: KeyRing): Conversations {
    const { store, conversations } = this.#options.loaded.config;
    return this.#shared.conversations(
      {
        ttlS: conversations.ttlS,
        bytesMax: conversations.bytes,
        messagesMax: conversations.turns,
        conversationBytesMax,
      },
      store === 'sqlite' ? createDerivedSealers(masterKeys) : this.#sealers,
    );
  }

  #createPrivacy(conversations: Conversations, replays: Replays): Privacy {
    const { clock, log, loaded } = this.#options;
    const { data, store: option } = loaded.config;
    const { among } = this.#options;
    const alone = option === 'sqlite' && among === undefined;
    const { store } = this.#records;
    const privacy = new Privacy({
      clock,
      log,
      store,
      sealers: this.#sealers,
      followed: this.#followed,
      conversations,
      replays,
      alone,
      tends: among?.role !== 'worker',
      rules: () => this.snapshot.config.privacy,
    });
    // A database that was never there needs not be made to look into it.
    if (!alone || existsSync(join(data, fileName))) privacy.start();
    return privacy;
  }

  #upstreamStates() {
    const { health, scheduler } = this.lasting;
    return this.snapshot.upstreams.map((upstream) => ({
      name: upstream.name,
      state: health.of(upstream).state,
      inFlight: scheduler.inFlight(upstream),
    }));
  }

  #createMetrics({ batchMetrics, warm, scheduler, retries, wrongKeys }: Measured): Metrics {
    return createMetrics({
      batches: batchMetrics.render,
      loads: warm.render,
      inFlight: () => this.listener?.inFlight ?? 0,
      queued: () => scheduler.waiting,
      spoolLost: () => this.#records.spool.lost,
      contentsLost: () => this.lasting.privacy.contents.lost,
      turnsLost: () => this.#shared.state.turnsLost,
      retriesRefused: () => retries.budget.refused,
      wrongKeysHeld: () => wrongKeys.heldEver,
      alertsLost: () => this.#alarms.alerts.receivers.reduce((sum, { lost }) => sum + lost, 0),
      degraded: () => ({ shared: this.#shared.state.degraded, store: !this.#records.reachable }),
      upstreams: () => this.#upstreamStates(),
    });
  }

  #createLasting(masterKeys: KeyRing): Lasting {
    const { clock, log, loaded } = this.#options;
    const { store, spool } = this.#records;
    const conversations = this.#createConversations(masterKeys);
    const replays = createReplays(loaded, store, this.#sealers);
    const kept = this.#foundations.keptBudgets;
    const { health, drains, retries } = createFleetHealth(this.#options, this.#shared, this);
    const warm = new WarmModels({ clock, log, shared: this.#shared, fleet: () => this });
    const serviceTimes = new ServiceTimes(clock);
    const wrongKeys = new WrongKeys(clock, loaded.config.identity.wrongKeys);
    const scheduler = new Scheduler({
      clock,
      queue: loaded.config.queue,
      gate: drains.gate,
      shares: this.#shares?.slots,
      parties: this.#shares?.parties,
      copies: warm.copies,
      learnt: createLearnt({
        residency: warm.residency,
        serviceTimes,
        price: (target) => this.snapshot.tokenPrices.of(target),
      }),
    });
    const batchMetrics = createBatchMetrics();
    const metrics = this.#createMetrics({ batchMetrics, warm, scheduler, retries, wrongKeys });
    return {
      alerts: this.#alarms.alerts,
      clock,
      log,
      metrics,
      batchMetrics,
      renderMetrics: rendererOf(metrics, this.#options.among),
      health,
      scheduler,
      warm,
      serviceTimes,
      drains,
      retries,
      catalogue: new Catalogue(),
      outputLengths: new OutputLengths(),
      conversations,
      privacy: this.#createPrivacy(conversations, replays),
      claims: createClaims(this.#options, replays),
      store,
      auditor: this.#records.auditor,
      spool,
      shared: this.#shared,
      sealers: this.#sealers,
      masterKeys,
      followed: this.#followed,
      budgeting: createBudgeting({ clock, ledger: store.ledger, spool, alarms: this.#alarms, kept }),
      issuers: new Issuers(clock, log),
      wrongKeys,
      degraded: () => this.#degraded(),
      dependencies: () => this.#alarms.dependencies,
      accounts: createAccounts({
        intend: (trail) => spool.intend(intentLine(trail)),
        lineOf: endLine,
        settle: (ended) => spool.settle(spoolEnds(ended)),
        observers: observersOf(metrics, log, kept),
      }),
      underWay: this.#underWay,
      hasRoom: () => !this.#memory.full,
      accepting: () => !this.#departure.refuses,
      readiness: () => this.#readiness(),
    };
  }
}

function observersOf(metrics: Metrics, log: Log, kept: KeptBudgets): AccountsOptions['observers'] {
  return [
    ({ trail }) => metrics.observe(trail),
    ({ trail, line }) => log.exchange(trail, line),
    () => kept.writeSoon(),
  ];
}

function identitiesOf({ upstreams }: Snapshot): readonly string[] {
  return upstreams.map(({ identity }) => identity);
}
