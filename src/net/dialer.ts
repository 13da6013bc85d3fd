/**
 * The guarded dialer: whatever connects to an address that is not an upstream's goes through here. It looks a name up
 * once, checks every address, connects to one of those, follows no redirect and knows no proxy.
 */
import { lookup as lookUpAll } from 'node:dns/promises';
import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { DialError, type DialReason } from './dial-error.ts';
import { type Destination, type Lookup, openGuardedSocket } from './guarded-socket.ts';
import { type OutgoingAnswer, type OutgoingRequest, sendOutgoing } from './outgoing-request.ts';
import { type NamedBy, parseOutgoingUrl } from './outgoing-url.ts';

export interface Dialer {
  /** Any status but a redirect's is an answer. Rejects with a `DialError`. */
  request(url: string, request: DialedRequest): Promise<OutgoingAnswer>;
  /** A bare connection, for what does not speak HTTP. Rejects with a `DialError`. */
  connect(to: Omit<Destination, 'secure'>, options?: DialOptions): Promise<Socket>;
}

export interface DialOptions {
  /** For all of it: looking up, connecting, sending, and the last byte of the answer. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** In PEM: who may vouch for the server, in place of those that the machine trusts. */
  readonly ca?: string | undefined;
}

export interface DialedRequest extends OutgoingRequest, DialOptions {
  readonly namedBy: NamedBy;
}

export interface DialerOptions {
  readonly clock: Clock;
  readonly lookup?: Lookup;
  /** That strangers may name; those of HTTPS when absent. */
  readonly strangerPorts?: readonly number[];
  /** Requests and connections being made. */
  readonly atOnceMax?: number;
}

const timeoutMsDefault = 15_000;
const atOnceMaxDefault = 256;

export function createDialer(options: DialerOptions): Dialer {
  return new GuardedDialer(options);
}

class GuardedDialer implements Dialer {
  readonly #way: { readonly clock: Clock; readonly lookup: Lookup };
  readonly #ports: { readonly ports?: readonly number[] };
  readonly #atOnceMax: number;
  #busy = 0;

  constructor({ clock, lookup, strangerPorts, atOnceMax }: DialerOptions) {
    this.#way = { clock, lookup: lookup ?? systemLookup };
    this.#ports = strangerPorts === undefined ? {} : { ports: strangerPorts };
    this.#atOnceMax = atOnceMax ?? atOnceMaxDefault;
  }

  async request(url: string, request: DialedRequest): Promise<OutgoingAnswer> {
    const parsed = parseOutgoingUrl(url, { namedBy: request.namedBy, ...this.#ports });
    if (!parsed.ok) throw new DialError(`the URL ${parsed.reason}`, { reason: 'refused' });
    const { outgoing } = parsed;
    return this.#within(request, outgoing.host, (signal) =>
      sendOutgoing(outgoing, request, { ...this.#way, signal, ca: request.ca }),
    );
  }

  async connect(to: Omit<Destination, 'secure'>, options: DialOptions = {}): Promise<Socket> {
    return this.#within(options, to.host, (signal) =>
      openGuardedSocket({ ...to, secure: false }, { ...this.#way, signal }),
    );
  }

  async #within<T>(
    { timeoutMs = timeoutMsDefault, signal }: DialOptions,
    host: string,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#busy >= this.#atOnceMax) {
      throw new DialError(`${this.#atOnceMax} outgoing requests are under way already`, { reason: 'busy' });
    }
    const ending = new AbortController();
    const end = (reason: DialReason, says: string) => ending.abort(new DialError(says, { reason }));
    const left = () => end('aborted', `nobody waits for ${host} any longer`);
    const timer = this.#way.clock.after(timeoutMs, () =>
      end('timed_out', `${host} took longer than ${timeoutMs} ms`),
    );
    signal?.addEventListener('abort', left, { once: true });
    if (signal?.aborted === true) left();
    this.#busy += 1;
    try {
      return await run(ending.signal);
    } catch (thrown) {
      throw ending.signal.aborted ? ending.signal.reason : asDialError(thrown, host);
    } finally {
      this.#busy -= 1;
      timer.cancel();
      signal?.removeEventListener('abort', left);
    }
  }
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookUpAll(host, { all: true });
  return found.map(({ address }) => address);
}

/** What undici throws, in our words. */
function asDialError(thrown: unknown, host: string): DialError {
  if (thrown instanceof DialError) return thrown;
  const foreign = thrown instanceof Error && thrown.name === 'HTTPParserError';
  return foreign && !thrown.message.includes('EOF')
    ? new DialError(`${host} does not answer in HTTP`, { reason: 'not_http', cause: thrown })
    : new DialError(`${host} closed the connection without a whole answer`, { reason: 'cut', cause: thrown });
}
