/**
 * Ends HTTP/2 connections whose server has vanished without a word. Over HTTP/1.1 a request that times out takes its
 * connection with it; here it takes only its stream, and every later request would go down the same dead way.
 */
import type { Socket } from 'node:net';

/** More than one, so that a stall of our own is not taken for theirs. */
const silentPingsMax = 3;

/** Something has to come for every ping that the client of this connection sends, so nothing means nobody. */
export function endWhenSilent(socket: Socket, pingMs: number): void {
  if (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2') return;
  let bytesRead = socket.bytesRead;
  let silentPings = 0;
  const timer = setInterval(() => {
    silentPings = socket.bytesRead === bytesRead ? silentPings + 1 : 0;
    bytesRead = socket.bytesRead;
    if (silentPings >= silentPingsMax) socket.destroy(new Error('the server answers no HTTP/2 pings'));
  }, pingMs).unref();
  socket.once('close', () => clearInterval(timer));
}
