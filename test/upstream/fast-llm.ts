// A server so cheap that it is not what a benchmark measures: it parses no JSON and sends prepared bytes.
import { createServer, type Socket } from 'node:net';
import { type Answer, prepareAnswers } from './fast-answers.ts';

export interface FastOptions {
  readonly port: number;
  /** Content events of a stream. All are prepared at start, so a million takes seconds and hundreds of megabytes. */
  readonly events: number;
  /** Pace of a stream; 0 sends one event every turn of the event loop. */
  readonly eventsPerSecond: number;
  /** Time before the first byte of any answer. */
  readonly firstTokenMs: number;
}

/** Calls that ran, or are to run, a model. */
export interface Asked {
  readonly wholes: number;
  readonly streams: number;
}

export interface FastLlm {
  readonly port: number;
  readonly asked: Asked;
  close(): Promise<void>;
}

/**
 * Answers `/v1/chat/completions` and `/api/chat`, whole or streamed, and the lists that discovery reads.
 * It finds the end of chunked bodies and `"stream": true` by searching, so it is for honest clients only.
 */
export async function openFastLlm(options: FastOptions): Promise<FastLlm> {
  const connections = new Set<Socket>();
  const prepared = prepareAnswers(options.events);
  const asked = { wholes: 0, streams: 0 };
  const answerOf = (route: string, body: Buffer) => {
    const answer = prepared(route, body);
    // An answer that is written at once is a whole one.
    if (route.startsWith('POST ')) asked[answer.length > 1 ? 'streams' : 'wholes'] += 1;
    return answer;
  };
  const server = createServer({ noDelay: true }, (socket) => {
    connections.add(socket);
    const connection = new Connection(socket, answerOf, options);
    socket.on('data', (bytes: Buffer) => connection.receive(bytes));
    // A client may leave as it likes.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      connections.delete(socket);
      connection.stop();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: '127.0.0.1', backlog: 4096 }, resolve);
  });
  const address = server.address();
  return {
    asked,
    port: address !== null && typeof address === 'object' ? address.port : options.port,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      return closed;
    },
  };
}

const requestBytesMax = 64 * 1024 * 1024;

class Connection {
  readonly #socket: Socket;
  readonly #answerOf: (route: string, body: Buffer) => Answer;
  readonly #options: FastOptions;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** How many bytes the request needs at least. */
  #neededBytes = 0;
  #answer: Answer = [];
  #next = 0;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, answerOf: (route: string, body: Buffer) => Answer, options: FastOptions) {
    this.#socket = socket;
    this.#answerOf = answerOf;
    this.#options = options;
  }

  receive(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > requestBytesMax) this.#socket.destroy();
    if (this.#heldBytes < this.#neededBytes) return;
    const request = parseRequest(this.#held.length === 1 ? bytes : Buffer.concat(this.#held));
    this.#neededBytes = typeof request === 'number' ? request : 0;
    if (typeof request === 'number') return;
    // Clients do not pipeline, so nothing of a next request is held.
    this.#held = [];
    this.#heldBytes = 0;
    this.#begin(this.#answerOf(request.route, request.body));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#answer = [];
  }

  #begin(answer: Answer): void {
    const { firstTokenMs } = this.#options;
    this.#answer = answer;
    this.#next = 0;
    this.#startedAt = firstTokenMs > 0 ? performance.now() + firstTokenMs : 0;
    if (firstTokenMs > 0) this.#timer = setTimeout(this.#write, firstTokenMs);
    else this.#write();
  }

  readonly #write = (): void => {
    const bytes = this.#answer[this.#next];
    if (bytes === undefined) return;
    this.#next += 1;
    const hasRoom = this.#socket.write(bytes);
    if (this.#next === this.#answer.length) return;
    if (hasRoom) this.#later();
    else this.#socket.once('drain', this.#write);
  };

  #later(): void {
    const { eventsPerSecond } = this.#options;
    if (eventsPerSecond === 0) {
      setImmediate(this.#write);
      return;
    }
    const now = performance.now();
    if (this.#startedAt === 0) this.#startedAt = now;
    // Counted from the start, so that late timers do not add up.
    const dueAt = this.#startedAt + (this.#next * 1000) / eventsPerSecond;
    this.#timer = setTimeout(this.#write, Math.max(0, dueAt - now));
  }
}

interface Request {
  /** `POST /v1/chat/completions` */
  readonly route: string;
  readonly body: Buffer;
}

const headEnd = Buffer.from('\r\n\r\n');
const chunkedEnd = Buffer.from('0\r\n\r\n');

/** The request, or how many bytes it needs at least. */
function parseRequest(bytes: Buffer): Request | number {
  const at = bytes.indexOf(headEnd);
  if (at < 0) return bytes.length + 1;
  const head = bytes.toString('latin1', 0, at);
  const start = at + headEnd.length;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  if (bytes.length < start + length) return start + length;
  const isChunked = length === 0 && /\r\ntransfer-encoding: *chunked/i.test(head);
  if (isChunked && !bytes.subarray(-chunkedEnd.length).equals(chunkedEnd)) return bytes.length + 1;
  return { route: head.slice(0, head.indexOf(' ', head.indexOf(' ') + 1)), body: bytes.subarray(start) };
}
