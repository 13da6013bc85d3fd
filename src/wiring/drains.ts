/**
 * Servers that are drained, in all replicas: an order is kept with what they share and told by a message. While that is
 * away an order holds here alone, and is handed on as soon as it can be. Of two orders the later one holds.
 */
import type { Upstream } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';
import type { Gate } from '../core/fleet.ts';
import type { Tickets } from '../core/ports.ts';
import { Drained, type DrainOrder } from '../fleet/drained.ts';
import { LiveStreams } from '../fleet/live-streams.ts';
import type { Clock } from '../lib/clock.ts';
import type { Shared } from '../stores/shared-state.ts';
import type { Log } from '../telemetry/log.ts';

export interface DrainsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly shared: Pick<Shared, 'presence' | 'tickets'>;
  /** What stands behind it. */
  readonly gate: Gate;
}

export interface Obeyed {
  /** How many streams of this process are said by others from now on. */
  readonly moved: number;
  /** Whether all replicas know; else this one alone, until they can be told. */
  readonly told: boolean;
}

/** That it is resumed is an order as well: who was away has to learn of it. */
interface Order extends DrainOrder {
  readonly drained: boolean;
}

const channel = 'drains';
const ordersMax = 4_096;
const dayMs = 24 * 60 * 60 * 1_000;
/** What is drained for longer than this is forgotten by who starts anew. */
const drainedForMs = 365 * dayMs;
/** Nobody was cut off for longer and still goes by what was said before. */
const resumedForMs = dayMs;

export class Drains {
  readonly gate: Drained;
  /** Streams that could be moved to another upstream. */
  readonly streams = new LiveStreams();
  readonly #options: DrainsOptions;
  readonly #tickets: Tickets;
  /** By the identity of the server, which outlives reloads: another one under the same name is not meant. */
  readonly #orders = new Map<string, Order>();
  readonly #unsubscribe: () => void;
  #following: Promise<boolean> | undefined;
  #again = false;

  constructor(options: DrainsOptions) {
    this.#options = options;
    this.gate = new Drained(options.gate);
    this.#tickets = options.shared.tickets('drain', ordersMax);
    const hear = () => void this.follow();
    this.#unsubscribe = options.shared.presence.subscribe(channel, { message: hear, missed: hear });
  }

  of(upstream: Pick<Upstream, 'identity'>): DrainOrder | undefined {
    return this.gate.of(upstream);
  }

  async drain(upstream: Upstream, by: string): Promise<Obeyed> {
    // Asked for once more it moves what could not be moved before.
    const moved = this.#order(upstream, { drained: true, by }) + this.streams.moveFrom(upstream.name);
    return { moved, told: await this.#tell() };
  }

  async resume(upstream: Upstream, by: string): Promise<Obeyed> {
    this.#order(upstream, { drained: false, by });
    return { moved: 0, told: await this.#tell() };
  }

  /** Hands on what is not known there, and takes over what was said later. False where nobody can tell now; never rejects. */
  follow(): Promise<boolean> {
    this.#again = true;
    this.#following ??= this.#followed().then((isKnown) => {
      this.#following = undefined;
      // Whoever asked when the last look was over, and this was not yet: it is looked at again for them.
      return this.#again ? this.follow() : isKnown;
    });
    return this.#following;
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#following;
  }

  #order({ identity, name }: Upstream, { drained, by }: Pick<Order, 'drained' | 'by'>): number {
    const before = this.#orders.get(identity);
    if ((before?.drained ?? false) === drained) return 0;
    // Later than what it takes the place of, whatever the clock of who said that showed.
    const sinceMs = Math.max(this.#options.clock.wall(), (before?.sinceMs ?? 0) + 1);
    this.#orders.set(identity, { upstream: name, by, sinceMs, drained });
    return this.#obey();
  }

  async #tell(): Promise<boolean> {
    const { presence } = this.#options.shared;
    return (await this.follow()) && (await presence.publish(channel, ''));
  }

  async #followed(): Promise<boolean> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#compare(ordersOf(await this.#tickets.all()));
      }
      return true;
    } catch (thrown) {
      const { code, message } = asFailure(thrown);
      // That what is shared is away is told elsewhere, and we are told when it is back.
      if (code !== 'dependency_unavailable')
        this.#options.log.error({ message }, 'orders to drain upstreams cannot be compared');
      return false;
    }
  }

  async #compare(theirs: ReadonlyMap<string, Order>): Promise<void> {
    for (const [identity, order] of theirs)
      if (isLater(order, this.#orders.get(identity))) this.#orders.set(identity, order);
    this.#obey();
    let handedOn = 0;
    for (const [identity, order] of [...this.#orders]) {
      if (!isLater(order, theirs.get(identity))) continue;
      if (!order.drained && this.#options.clock.wall() - order.sinceMs > resumedForMs) {
        this.#orders.delete(identity);
        continue;
      }
      await this.#tickets.keep(identity, JSON.stringify(order), order.drained ? drainedForMs : resumedForMs);
      handedOn += 1;
    }
    if (handedOn > 0) await this.#options.shared.presence.publish(channel, '');
  }

  /** How many streams go on elsewhere because of what is new. */
  #obey(): number {
    const before = this.gate.orders;
    const now = new Map([...this.#orders].filter(([, { drained }]) => drained));
    const fresh = [...now].filter(([identity]) => !before.has(identity)).map(([, order]) => order);
    const ended = [...before].filter(([identity]) => !now.has(identity)).map(([, order]) => order);
    if (fresh.length + ended.length === 0) return 0;
    this.gate.orders = now;
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

function isLater({ sinceMs }: Order, than: Order | undefined): boolean {
  return than === undefined || sinceMs > than.sinceMs;
}

function ordersOf(tickets: Awaited<ReturnType<Tickets['all']>>): ReadonlyMap<string, Order> {
  return new Map(
    tickets.flatMap(({ name, text }) => {
      const order = orderOf(text);
      return order === undefined ? [] : [[name, order] as const];
    }),
  );
}

/** Redis may hold what another version has written. */
function orderOf(text: string): Order | undefined {
  try {
    const { upstream, by, sinceMs, drained } = JSON.parse(text) as Partial<Order>;
    const isOne = typeof upstream === 'string' && typeof by === 'string' && typeof sinceMs === 'number';
    return isOne && typeof drained === 'boolean' ? { upstream, by, sinceMs, drained } : undefined;
  } catch {
    return undefined;
  }
}
