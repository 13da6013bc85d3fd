/**
 * Servers that are drained, in all replicas: an order is kept with what they share and told by a message. While that is
 * away an order holds here alone, and is handed on as soon as it can be.
 */
import type { Upstream } from '../core/exchange.ts';
import type { Tickets } from '../core/ports.ts';
import { Drained, type DrainOrder } from '../fleet/drained.ts';
import type { Health } from '../fleet/health.ts';
import { LiveStreams } from '../fleet/live-streams.ts';
import type { Clock } from '../lib/clock.ts';
import type { Shared } from '../stores/shared-state.ts';
import type { Log } from '../telemetry/log.ts';

export interface DrainsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly shared: Pick<Shared, 'presence' | 'tickets'>;
  readonly health: Health;
}

export interface Obeyed {
  /** How many streams of this process are said by others from now on. */
  readonly moved: number;
  /** Whether all replicas know; else this one alone, until they can be told. */
  readonly told: boolean;
}

const channel = 'drains';
const ordersMax = 4_096;
/** What is drained for longer than this is forgotten by who starts anew. */
const keptMs = 365 * 24 * 60 * 60 * 1_000;
/** Tells a server that forgot everything from one that knows of no order. */
const mark = 'told';

export class Drains {
  readonly gate: Drained;
  /** Streams that could be moved to another upstream. */
  readonly streams = new LiveStreams();
  readonly #options: DrainsOptions;
  readonly #tickets: Tickets;
  /** What the others could not be told: an order, or that there is none any more. */
  readonly #untold = new Map<string, DrainOrder | undefined>();
  readonly #unsubscribe: () => void;
  #following: Promise<boolean> | undefined;
  #again = false;

  constructor(options: DrainsOptions) {
    this.#options = options;
    this.gate = new Drained(options.health);
    this.#tickets = options.shared.tickets('drain', ordersMax);
    const hear = () => void this.follow();
    this.#unsubscribe = options.shared.presence.subscribe(channel, { message: hear, missed: hear });
  }

  of(upstream: Pick<Upstream, 'identity'>): DrainOrder | undefined {
    return this.gate.of(upstream);
  }

  async drain(upstream: Upstream, by: string): Promise<Obeyed> {
    const { clock } = this.#options;
    const order = this.of(upstream) ?? { upstream: upstream.name, by, sinceMs: clock.wall() };
    this.#untold.set(upstream.identity, order);
    const orders = new Map(this.gate.orders).set(upstream.identity, order);
    // Streams that were moved back since, or were too young to be moved before.
    const moved = this.#takeOver(orders) + this.streams.moveFrom(upstream.name);
    return { moved, told: await this.#tell() };
  }

  async resume(upstream: Upstream): Promise<Obeyed> {
    this.#untold.set(upstream.identity, undefined);
    const orders = new Map(this.gate.orders);
    orders.delete(upstream.identity);
    this.#takeOver(orders);
    return { moved: 0, told: await this.#tell() };
  }

  /** After a reload: an order ends with the server that it was about. What is under way there ends there. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map(({ identity }) => identity));
    const gone = [...this.gate.orders.keys()].filter((identity) => !kept.has(identity));
    if (gone.length === 0) return;
    for (const identity of gone) this.#untold.set(identity, undefined);
    this.#takeOver(new Map([...this.gate.orders].filter(([identity]) => kept.has(identity))));
    void this.follow();
  }

  /** Hands on what is to be told, and takes over what others were told. False where nobody can tell now; never rejects. */
  follow(): Promise<boolean> {
    if (this.#following !== undefined) {
      this.#again = true;
      return this.#following;
    }
    this.#following = this.#followed().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#following;
  }

  async #tell(): Promise<boolean> {
    // One that began before may have read what is no longer so.
    await this.#following;
    if (!(await this.follow())) return false;
    return await this.#options.shared.presence.publish(channel, '');
  }

  async #followed(): Promise<boolean> {
    try {
      do {
        this.#again = false;
        await this.#handOn();
        const tickets = await this.#tickets.all();
        if (this.#untold.size > 0) this.#again = true;
        else if (tickets.some(({ name }) => name === mark)) this.#takeOver(ordersOf(tickets));
        else this.#retell();
      } while (this.#again);
      return true;
    } catch {
      // Whoever shares it with us is away, which is told elsewhere: we are told when it is back.
      return false;
    }
  }

  async #handOn(): Promise<void> {
    for (const [identity, order] of this.#untold) {
      await this.#tickets.keep(mark, mark, keptMs);
      if (order === undefined) await this.#tickets.take(identity);
      else await this.#tickets.keep(identity, JSON.stringify(order), keptMs);
      // It may have been changed meanwhile.
      if (this.#untold.get(identity) === order) this.#untold.delete(identity);
    }
  }

  /** A server that came back empty is told what holds. */
  #retell(): void {
    for (const [identity, order] of this.gate.orders) this.#untold.set(identity, order);
    if (this.#untold.size > 0) this.#again = true;
  }

  /** How many streams go on elsewhere because of what is new. */
  #takeOver(orders: ReadonlyMap<string, DrainOrder>): number {
    const before = this.gate.orders;
    const fresh = [...orders].filter(([identity]) => !before.has(identity)).map(([, order]) => order);
    const ended = [...before].filter(([identity]) => !orders.has(identity)).map(([, order]) => order);
    if (fresh.length + ended.length === 0) return 0;
    this.gate.orders = orders;
    const { log } = this.#options;
    for (const { upstream } of ended) log.info({ upstream }, 'an upstream is no longer drained');
    let sum = 0;
    for (const { upstream, by } of fresh) {
      const moved = this.streams.moveFrom(upstream);
      sum += moved;
      log.info({ upstream, by, moved }, 'an upstream is drained: nothing new is sent there');
    }
    return sum;
  }
}

function ordersOf(tickets: Awaited<ReturnType<Tickets['all']>>): ReadonlyMap<string, DrainOrder> {
  return new Map(
    tickets.flatMap(({ name, text }) => {
      const order = name === mark ? undefined : orderOf(text);
      return order === undefined ? [] : [[name, order] as const];
    }),
  );
}

/** Redis may hold what another version has written. */
function orderOf(text: string): DrainOrder | undefined {
  try {
    const { upstream, by, sinceMs } = JSON.parse(text) as Partial<DrainOrder>;
    return typeof upstream === 'string' && typeof by === 'string' && typeof sinceMs === 'number'
      ? { upstream, by, sinceMs }
      : undefined;
  } catch {
    return undefined;
  }
}
