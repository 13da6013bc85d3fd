/** A connection to an address that was checked: the one it was resolved to, and no other. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import { DialError } from './dial-error.ts';
import { mayConnectTo, type OutgoingUrl } from './outgoing-url.ts';
import { plainAddress, readAddress } from './peer-address.ts';

/** All the addresses of a name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export type Destination = Pick<OutgoingUrl, 'host' | 'port' | 'secure' | 'namedBy'>;

export interface GuardedSocketOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** Ends whatever is under way, the connection too. */
  readonly signal: AbortSignal;
  /** In PEM: who may vouch for the server, in place of those that the machine trusts. */
  readonly ca?: string | undefined;
}

/** Of a name with more, the first ones are tried; all are checked. */
const triesMax = 4;
/** Over one of the families packets may simply vanish. */
const tryMs = 3_000;

export async function openGuardedSocket(to: Destination, options: GuardedSocketOptions): Promise<Socket> {
  const addresses = await resolve(to, options);
  const socket = await connectToAny(addresses, to, options);
  return to.secure ? secured(socket, to, options) : socket;
}

async function resolve(
  to: Destination,
  { lookup, signal }: GuardedSocketOptions,
): Promise<readonly string[]> {
  const addresses = isIP(to.host) === 0 ? await untilAborted(lookUp(to.host, lookup), signal) : [to.host];
  // One that is not allowed among others that are means that someone plays with the name.
  if (!addresses.every((address) => mayConnectTo(address, to.namedBy))) {
    throw new DialError(`${to.host} is at an address that may not be called`, { reason: 'refused' });
  }
  return addresses;
}

async function lookUp(host: string, lookup: Lookup): Promise<readonly string[]> {
  let addresses: readonly string[];
  try {
    addresses = await lookup(host);
  } catch (cause) {
    throw new DialError(`${host} could not be looked up`, { reason: 'unresolved', cause });
  }
  if (addresses.length === 0) throw new DialError(`${host} has no address`, { reason: 'unresolved' });
  return addresses;
}

async function connectToAny(
  addresses: readonly string[],
  to: Destination,
  options: GuardedSocketOptions,
): Promise<Socket> {
  let cause: unknown;
  for (const address of addresses.slice(0, triesMax)) {
    try {
      return await connectTo(address, to, options);
    } catch (thrown) {
      if (options.signal.aborted || thrown instanceof DialError) throw thrown;
      cause = thrown;
    }
  }
  throw new DialError(`${to.host}:${to.port} cannot be reached`, { reason: 'unreachable', cause });
}

function connectTo(
  address: string,
  { host, port }: Destination,
  { clock, signal }: GuardedSocketOptions,
): Promise<Socket> {
  return new Promise((done, failed) => {
    const socket = connect({ host: address, port, signal, noDelay: true });
    const timer = clock.after(tryMs, () => socket.destroy(new Error(`no answer in ${tryMs} ms`)));
    socket.once('close', () => timer.cancel());
    socket.once('error', failed);
    socket.once('connect', () => {
      timer.cancel();
      // Whoever takes the socket over listens for itself; what breaks in between shows as its end.
      socket.off('error', failed).on('error', () => {});
      if (plainAddress(socket.remoteAddress) === readAddress(address)) return done(socket);
      socket.destroy();
      failed(new DialError(`${host} did not connect to where it is`, { reason: 'refused' }));
    });
  });
}

function secured(
  socket: Socket,
  { host, port }: Destination,
  options: GuardedSocketOptions,
): Promise<Socket> {
  return new Promise((done, failed) => {
    const secure = connectTls({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['http/1.1'],
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    });
    const refused = (cause?: unknown) => {
      socket.destroy();
      failed(
        new DialError(`the TLS certificate or handshake of ${host}:${port} was refused`, {
          reason: 'tls',
          cause,
        }),
      );
    };
    const closed = () => refused();
    secure.once('error', refused).once('close', closed);
    secure.once('secureConnect', () => {
      secure.off('error', refused).off('close', closed);
      done(secure);
    });
  });
}

/** A resolver cannot be told to stop; nobody waits for it any longer. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((done, failed) => {
    const left = () => failed(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) return left();
    signal.addEventListener('abort', left, { once: true });
    promise.then(done, failed).finally(() => signal.removeEventListener('abort', left));
  });
}
