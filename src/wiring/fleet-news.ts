/**
 * What replicas tell one another of servers, by messages: sent beside the requests, and lost where nobody can send them. Then each
 * finds it out for itself, as one that is alone does.
 */
import { randomUUID } from 'node:crypto';
import type { Gate } from '../core/fleet.ts';
import type { Health } from '../fleet/health.ts';
import { type HealthNews, HealthTeller } from '../fleet/health-news.ts';
import type { PoisonNews, Quarantine } from '../fleet/quarantine.ts';
import type { Clock } from '../lib/clock.ts';
import type { Shared } from '../stores/shared-state.ts';
import type { Snapshot } from './snapshot.ts';

interface FleetNewsOptions {
  readonly clock: Clock;
  readonly shared: Pick<Shared, 'presence' | 'leases'>;
  readonly health: Health;
  /** As configured at the moment. */
  readonly fleet: () => Pick<Snapshot, 'upstreams' | 'config'>;
}

interface Message {
  readonly from: string;
  readonly zone: string;
  readonly health?: HealthNews;
  readonly poison?: PoisonNews;
}

const channel = 'fleet-news';
/** Where all is broken each request is news: more than so many in a second are not told. */
const perSecondMax = 100;
/** No longer than a gateway would believe for itself. */
const forMsMax = 24 * 60 * 60 * 1_000;
const textMax = 1_024;

export class FleetNews {
  /** What asks and tells health of each request. */
  readonly gate: Gate;
  readonly #options: FleetNewsOptions;
  readonly #id = randomUUID();
  readonly #teller: HealthTeller | undefined;
  #quarantine: Quarantine | undefined;
  #second = 0;
  #toldInSecond = 0;

  constructor(options: FleetNewsOptions) {
    this.#options = options;
    const { health, shared, clock } = options;
    const tell = (news: HealthNews) => this.#tell({ health: news });
    // Who is alone has nobody to tell.
    if (shared.leases !== undefined)
      this.#teller = new HealthTeller({ health, nowMs: () => clock.now(), tell });
    this.gate = this.#teller ?? health;
  }

  tellPoison(poison: PoisonNews): void {
    if (this.#options.shared.leases !== undefined) this.#tell({ poison });
  }

  /** What was missed each finds out for itself. */
  listen(quarantine: Quarantine): void {
    this.#quarantine = quarantine;
    const { shared } = this.#options;
    if (shared.leases === undefined) return;
    shared.presence.subscribe(channel, { message: (text) => this.#hear(text), missed: () => {} });
  }

  #tell(news: Pick<Message, 'health' | 'poison'>): void {
    const { shared, clock, fleet } = this.#options;
    const second = Math.floor(clock.now() / 1_000);
    this.#toldInSecond = second === this.#second ? this.#toldInSecond + 1 : 1;
    this.#second = second;
    if (this.#toldInSecond > perSecondMax) return;
    void shared.presence.publish(
      channel,
      JSON.stringify({ from: this.#id, zone: fleet().config.zone ?? '', ...news }),
    );
  }

  #hear(text: string): void {
    const message = messageOf(text);
    if (message === undefined || message.from === this.#id) return;
    const { health, poison } = message;
    if (poison !== undefined) this.#quarantine?.hear(poison);
    if (health === undefined) return;
    const { upstreams, config } = this.#options.fleet();
    // From another zone the ways to servers are others: of those there only what accounts were told holds here.
    const isNear = health.kind === 'pause' || message.zone === (config.zone ?? '');
    if (!isNear || !upstreams.some(({ identity }) => identity === health.identity)) return;
    this.#teller?.hear(health, message.from < this.#id);
  }
}

/** Another version may say what we do not understand. */
function messageOf(text: string): Message | undefined {
  try {
    const { from, zone, health, poison } = JSON.parse(text) as Partial<Message>;
    if (typeof from !== 'string' || typeof zone !== 'string') return undefined;
    return {
      from,
      zone,
      ...(health !== undefined && isHealth(health) && { health }),
      ...(poison !== undefined && isPoison(poison) && { poison }),
    };
  } catch {
    return undefined;
  }
}

function isHealth(news: HealthNews): boolean {
  if (!isText(news.identity)) return false;
  if (news.kind === 'pause') return isTime(news.forMs) && pauses.has(news.code);
  if (!isText(news.model)) return false;
  if (news.kind !== 'open') return tries.has(news.kind);
  return (
    isTime(news.forMs) && isText(news.tenant) && causes.has(news.cause) && Number.isSafeInteger(news.rounds)
  );
}

function isPoison({ key, upstream, forMs }: PoisonNews): boolean {
  return isText(key) && isText(upstream) && isTime(forMs);
}

const pauses: ReadonlySet<string> = new Set(['upstream_rate_limited', 'upstream_overloaded']);
const tries: ReadonlySet<string> = new Set(['try', 'left', 'passed']);
const causes: ReadonlySet<string> = new Set(['row', 'rate', 'silence']);

function isText(text: unknown): boolean {
  return typeof text === 'string' && text.length <= textMax;
}

function isTime(ms: unknown): boolean {
  return typeof ms === 'number' && ms >= 0 && ms <= forMsMax;
}
