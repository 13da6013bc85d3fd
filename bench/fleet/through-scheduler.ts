// Jobs through the gateway's own scheduler, policies and learnt times, on servers that only take their time.
import type { Target, Upstream } from '../../src/core/exchange.ts';
import type { Policy, Want } from '../../src/core/fleet.ts';
import type { Occupied } from '../../src/fleet/at-work.ts';
import type { Learnt } from '../../src/fleet/learnt.ts';
import { queueOptions } from '../../src/fleet/options.ts';
import { type QueueOptions, Scheduler } from '../../src/fleet/scheduler.ts';
import { ServiceTimes } from '../../src/fleet/service-times.ts';
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
}

export interface SimulatedOptions {
  readonly servers: readonly ServerKind[];
  readonly policy: Policy;
  /** How long loading the request's model takes there; nothing where it is in memory. */
  readonly loadMs?: (target: Target) => number;
  /** Where it is not as nobody says otherwise. */
  readonly queue?: Partial<QueueOptions>;
  /** How long a request waits at most; for ever where absent. */
  readonly queueMs?: number;
}

/** A queue that is as long as it needs to be: what is measured is who is chosen, not who is refused. */
const unbounded = { ...queueOptions.parse({}), places: 1_000_000, bytes: Number.MAX_SAFE_INTEGER };
const forEverMs = 2 ** 31;

export class SimulatedFleet {
  readonly clock = new VirtualClock();
  readonly scheduler: Scheduler;
  readonly targets: readonly Target[];
  readonly #options: SimulatedOptions;
  readonly #speeds = new Map<string, number>();

  constructor(options: SimulatedOptions) {
    this.#options = options;
    const times = new ServiceTimes(this.clock);
    this.scheduler = new Scheduler({
      clock: this.clock,
      queue: { ...unbounded, ...options.queue },
      gate: openGate,
      learnt: learntOf(times, options),
    });
    this.targets = options.servers.map(({ slots, speed }, index) => {
      const upstream = { ...upstreamOf(`server-${index}`, slots), loadsModels: options.loadMs !== undefined };
      this.#speeds.set(upstream.identity, speed);
      return { ...targetOn(upstream), model: 'm' };
    });
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

  #begin(request: Request, slot: Occupied, arrivedMs: number): void {
    const { tookMs, firstMs, isCut = false } = request.begin(slot.target);
    this.clock.after(tookMs, () => {
      const { outputTokens } = request;
      const outcome = isCut ? 'left' : 'served';
      slot.release({ outcome, tookMs, firstContentMs: firstMs, outputTokens, cold: slot.cold });
      request.ended(this.clock.now() - arrivedMs, isCut);
    });
  }
}

function learntOf(times: ServiceTimes, { loadMs = () => 0 }: SimulatedOptions): Learnt {
  return {
    serviceMs: (target) => times.of(target),
    leastMs: (target, answerTokens) => times.leastMs(target, answerTokens),
    loadMs,
    gpuShare: () => 1,
    price: () => 0,
    began: (target) => loadMs(target) > 0,
    ended: (target, ending) => times.ended(target, ending),
  };
}
