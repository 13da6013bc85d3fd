/**
 * Connections to a server on which nothing can be written, as it says of itself: a primary that was failed over from, or
 * a standby. Nobody cuts them, and whoever only reads would read there for as long as they are open, while all others
 * have gone on to the new primary. A new connection may reach that one.
 */
import type { Client, ClientBase, ClientConfig } from 'pg';
import type { Clock } from '../../lib/clock.ts';

/** PostgreSQL tells them when a connection begins, and after the answer during which they changed. */
const told: ReadonlySet<string> = new Set(['default_transaction_read_only', 'in_hot_standby']);

/** Where every server is read-only it is read all the same, and looked for another one so often. */
const keptForMs = 1_000;

interface Facts {
  readonly openedAtMs: number;
  readonly on: Set<string>;
}

interface Told {
  readonly parameterName: string;
  readonly parameterValue: string;
}

export class ReadOnlyServers {
  readonly #clock: Clock;
  readonly #facts = new WeakMap<ClientBase, Facts>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** pg's client, heard from its first word on. */
  hearing(Base: typeof Client): typeof Client {
    const hear = (client: Client) => this.#hear(client);
    return class extends Base {
      constructor(config?: string | ClientConfig) {
        super(config);
        hear(this);
      }
    };
  }

  /** Whether another connection is to be tried in its place. */
  isOutdated(client: ClientBase): boolean {
    const facts = this.#facts.get(client);
    if (facts === undefined || facts.on.size === 0) return false;
    return this.#clock.now() - facts.openedAtMs >= keptForMs;
  }

  #hear(client: Client): void {
    const on = new Set<string>();
    this.#facts.set(client, { openedAtMs: this.#clock.now(), on });
    client.connection.on('parameterStatus', ({ parameterName, parameterValue }: Told) => {
      if (!told.has(parameterName)) return;
      if (parameterValue === 'on') on.add(parameterName);
      else on.delete(parameterName);
    });
  }
}
