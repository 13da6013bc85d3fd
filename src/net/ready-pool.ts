/**
 * A pool that finds a free connection without looking for it. undici's own goes through all it has, twice a request: with
 * thousands of streams open to one server that is most of what a request costs. The one that was used last is taken
 * first. Where it broke in that use, whoever tries again has a new one for it, and none that may be as stale (U10).
 */
import type { Client, Dispatcher, Pool as UndiciPool } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import base from 'undici/lib/dispatcher/pool-base.js';

export class ReadyPool extends Pool {
  /** Those that can take a request, the one that had one last at the end. */
  readonly #ready: Client[] = [];

  constructor(origin: string, options: UndiciPool.Options) {
    super(origin, options);
    this.on('disconnect', (_origin: URL, targets: readonly Dispatcher[]) => this.#putLast(targets.at(-1)));
  }

  override [base.kAddClient](client: Client): this {
    this.#ready.push(client);
    return super[base.kAddClient](client);
  }

  override [base.kRetireClient](client: Client): void {
    this.#drop(client);
    super[base.kRetireClient](client);
  }

  override [base.kOnClientBusy](client: Client): void {
    this.#drop(client);
    super[base.kOnClientBusy](client);
  }

  override [base.kOnClientDrain](client: Client): void {
    if (isTaken(client)) this.#ready.push(client);
    super[base.kOnClientDrain](client);
  }

  override [base.kGetDispatcher](): Client | undefined {
    const client = this.#ready.at(-1);
    // One that is being handed what waited is free only once it has taken it.
    return client === undefined || isTaken(client) ? super[base.kGetDispatcher]() : client;
  }

  override [base.kHasDispatcher](): boolean {
    return this.#ready.length > 0 || super[base.kHasDispatcher]();
  }

  /** It was mostly taken a moment ago, and is the last. */
  #drop(client: Dispatcher): boolean {
    const at = this.#ready.lastIndexOf(client as Client);
    if (at !== -1) this.#ready.splice(at, 1);
    return at !== -1;
  }

  /** One that was closed while it rested is opened again when no other is left. */
  #putLast(client: Dispatcher | undefined): void {
    if (client !== undefined && this.#drop(client)) this.#ready.unshift(client as Client);
  }
}

/** What the pool itself keeps with each: whether it said that it can take no more. */
function isTaken(client: Client): boolean {
  return (client as Client & { [base.kNeedDrain]?: boolean })[base.kNeedDrain] === true;
}
