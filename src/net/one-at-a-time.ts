/**
 * Of requests that come on one connection before the one ahead of them is answered each begins when it is. Whoever sends a
 * thousand at once has no more under way than others, and an answer that is put off puts off all that is behind it.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** Of one connection, before no more is read from it: that its client has left is then noticed only when it is answered. */
const aheadMax = 16;
/**
 * Of all connections. What came in one piece is there, whatever is not read after it: beyond that the connection is cut that
 * has most waiting. Two could otherwise take it all, and nobody else could have a second request on his way.
 */
const waitingMax = 4_096;

export function oneAtATime(serve: RequestListener): RequestListener {
  const behind = new Behind(serve);
  return (request, response) => {
    // The answer ahead has the connection.
    if (response.socket === null) behind.add(request, response);
    else serve(request, response);
  };
}

class Behind {
  readonly #serve: RequestListener;
  readonly #waiting = new Map<Socket, number>();
  #count = 0;

  constructor(serve: RequestListener) {
    this.#serve = serve;
  }

  add(request: IncomingMessage, response: Parameters<RequestListener>[1]): void {
    const { socket } = request;
    if (socket.destroyed) return;
    if (this.#count >= waitingMax) this.#cutLongest(socket);
    if (socket.destroyed) return;
    if (this.#change(socket, 1) === aheadMax) {
      socket.on('resume', pauseAgain);
      socket.pause();
    }
    response.once('socket', () => {
      // Cut meanwhile: it is counted no more, and nobody would read the answer.
      if (socket.destroyed) return;
      if (this.#change(socket, -1) === aheadMax - 1) {
        socket.off('resume', pauseAgain);
        socket.resume();
      }
      this.#serve(request, response);
    });
  }

  /** The one that comes, where nobody has more. */
  #cutLongest(coming: Socket): void {
    let longest = coming;
    let most = this.#waiting.get(coming) ?? 0;
    for (const [socket, waiting] of this.#waiting) {
      if (waiting <= most) continue;
      longest = socket;
      most = waiting;
    }
    longest.destroy();
    this.#forget(longest);
  }

  #change(socket: Socket, by: 1 | -1): number {
    const before = this.#waiting.get(socket);
    if (before === undefined) socket.once('close', () => this.#forget(socket));
    const waiting = (before ?? 0) + by;
    this.#waiting.set(socket, waiting);
    this.#count += by;
    return waiting;
  }

  #forget(socket: Socket): void {
    this.#count -= this.#waiting.get(socket) ?? 0;
    this.#waiting.delete(socket);
  }
}

/** With every request that it has read, and every one that is answered, Node goes on reading by itself. */
function pauseAgain(this: Socket): void {
  this.pause();
}
