// Jobs through the gateway's own scheduler, policies and learnt times, on servers that only take their time.
import type { Target, Upstream } from '../../src/core/exchange.ts';
import type { Policy, Want } from '../../src/core/fleet.ts';
import type { Occupied } from '../../src/fleet/at-work.ts';
import { queueOptions } from '../../src/fleet/options.ts';
import { Residency } from '../../src/fleet/residency.ts';
import { type QueueOptions, Scheduler } from '../../src/fleet/scheduler.ts';
import { ServiceTimes } from '../../src/fleet/service-times.ts';
import { createLearnt } from '../../src/wiring/learnt.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { openGate, wantOf } from '../../test/wants.ts';
import type { ServerKind } from './jobs.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface Request {
  readonly want: Partial<Want>;
  begin(target: Target): Begun;
  readonly outputTokens: number;
  readonly ended: (tookMs: number, isCut: boolean) => void;
  /** It was not served in time. */
  readonly refused?: () => void;
}

interface Begun {
  /** How long it occupies its slot, and what of that passes before its first content. */
  readonly tookMs: number;
  readonly firstMs: number;
  /** Its deadline comes first, which its server cannot be blamed for. */
  readonly isCut?: boolean;
  /** What of it the server tells was loading its model. */
  readonly loadMs?: number;
}

export interface SimulatedOptions {
  readonly servers: readonly ServerKind[];
  readonly policy: Policy;
  /** Which model is in each server's memory, as it tells when it is asked; absent where all have all of them. */
  readonly held?: (upstream: Upstream) => string | undefined;
  /** Where it is not as nobody says otherwise. */
  readonly queue?: Partial<QueueOptions>;
  /** How long a request waits at most; for ever where absent. */
  readonly queueMs?: number;
}

/** A queue that is as long as it needs to be: what is measured is who is chosen, not who is refused. */
const unbounded = { ...queueOptions.parse({}), places: 1_000_000, bytes: Number.MAX_SAFE_INTEGER };
const forEverMs = 2 ** 31;
/** From asking a server what it holds to its answer. */
const tellMs = 5;

export class SimulatedFleet {
  readonly clock = new VirtualClock();
  readonly scheduler: Scheduler;
  readonly targets: readonly Target[];
  readonly #options: SimulatedOptions;
  readonly #residency: Residency;
  readonly #speeds = new Map<string, number>();

  constructor(options: SimulatedOptions) {
    this.#options = options;
    const residency = new Residency({ clock: this.clock, onLoaded: (upstream) => this.#ask(upstream) });
    this.#residency = residency;
    this.scheduler = new Scheduler({
      clock: this.clock,
      queue: { ...unbounded, ...options.queue },
      gate: openGate,
      learnt: createLearnt({ residency, serviceTimes: new ServiceTimes(this.clock), price: () => 0 }),
    });
    this.targets = options.servers.map(({ slots, speed }, index) => {
      const upstream = { ...upstreamOf(`server-${index}`, slots), loadsModels: options.held !== undefined };
      this.#speeds.set(upstream.identity, speed);
      return { ...targetOn(upstream), model: 'm' };
    });
    if (options.held !== undefined) for (const { upstream } of this.targets) this.#ask(upstream);
  }

  speedOf(upstream: Upstream): number {
    return this.#speeds.get(upstream.identity) ?? 1;
  }

  arrive(request: Request): void {
    const arrivedMs = this.clock.now();
    const want = wantOf(this.targets, { policy: this.#options.policy, arrivedMs, ...request.want });
    const slot = this.scheduler.take(want);
    if (slot !== undefined) this.#begin(request, slot, arrivedMs);
    else {
      const { queueMs = forEverMs } = this.#options;
      void this.scheduler.wait(want, { queueMs, onLeave: () => {} }).then(
        (later) => this.#begin(request, later, arrivedMs),
        () => request.refused?.(),
      );
    }
  }

  #ask(upstream: Upstream): void {
    const askedMs = this.clock.now();
    this.clock.after(tellMs, () => {
      const name = this.#options.held?.(upstream);
      const models =
        name === undefined ? [] : [{ name, bytes: undefined, gpuBytes: undefined, untilMs: undefined }];
      this.#residency.told(upstream, models, askedMs);
    });
  }

  #begin(request: Request, slot: Occupied, arrivedMs: number): void {
    const { tookMs, firstMs, loadMs, isCut = false } = request.begin(slot.target);
    const told = loadMs === undefined ? {} : { loadMs };
    this.clock.after(tookMs, () => {
      const { outputTokens } = request;
      const outcome = isCut ? 'left' : 'served';
      slot.release({ outcome, tookMs, firstContentMs: firstMs, outputTokens, cold: slot.cold, ...told });
      request.ended(this.clock.now() - arrivedMs, isCut);
    });
  }
}
