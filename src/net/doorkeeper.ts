/** Who may connect, how often at once, and whom a connection speaks for. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Failure, fail } from '../core/failure.ts';
import type { AddressList } from './address-list.ts';
import { clientBehind } from './forwarded.ts';
import { isLoopbackPeer, partyOf, plainAddress } from './peer-address.ts';

export interface DoorkeeperOptions {
  /** Only from here; from everywhere when absent. */
  readonly allow?: AddressList | undefined;
  /** Proxies that tell whom they speak for. */
  readonly trustedProxies?: AddressList | undefined;
  /** From one address; loopback and trusted proxies may have all there are. */
  readonly connectionsPerAddress?: number;
  /** Told of each connection that is not taken. */
  readonly onRefused?: (refused: RefusedConnection) => void;
}

export interface RefusedConnection {
  readonly address: string;
  readonly reason: 'not_allowed' | 'too_many';
}

export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #connections = new Map<string, number>();

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  /** Whether clients may be others than those who connect: then each request has to be asked about. */
  get readsRequests(): boolean {
    return this.#options.trustedProxies !== undefined;
  }

  /** From now on the server is handed only connections that may be; the others end before a byte is read. */
  guard(server: Server): void {
    const handlers = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      const reason = this.#refusalOf(socket);
      if (reason === undefined) {
        for (const handler of handlers) Reflect.apply(handler, server, [socket]);
        return;
      }
      const address = plainAddress(socket.remoteAddress);
      // A reset leaves nothing behind; a polite end would be kept in mind by the kernel for a minute.
      socket.resetAndDestroy();
      this.#options.onRefused?.({ address, reason });
    });
  }

  /** Whether whoever connects from there speaks for others. */
  isProxy(peer: string): boolean {
    return this.#options.trustedProxies?.has(peer) === true;
  }

  /** The address of whom a request comes from, or why it is refused. */
  clientOf(peer: string, headers: Parameters<typeof clientBehind>[1]): string | Failure {
    const { allow, trustedProxies } = this.#options;
    if (trustedProxies === undefined) return peer;
    const client = trustedProxies.has(peer) ? clientBehind(peer, headers, trustedProxies) : peer;
    if (typeof client !== 'string' || allow === undefined || allow.has(client)) return client;
    return fail('forbidden', 'this address is not among those that may come in here');
  }

  #refusalOf(socket: Socket): RefusedConnection['reason'] | undefined {
    const { allow, connectionsPerAddress } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    const isProxy = this.isProxy(address);
    if (allow !== undefined && !isProxy && !allow.has(address)) return 'not_allowed';
    if (connectionsPerAddress === undefined || isProxy || isLoopbackPeer(address)) return undefined;
    return this.#count(partyOf(address), socket, connectionsPerAddress) ? undefined : 'too_many';
  }

  #count(party: string, socket: Socket, max: number): boolean {
    const connections = this.#connections;
    const open = connections.get(party) ?? 0;
    if (open >= max) return false;
    connections.set(party, open + 1);
    socket.once('close', () => {
      const left = (connections.get(party) ?? 1) - 1;
      if (left === 0) connections.delete(party);
      else connections.set(party, left);
    });
    return true;
  }
}
