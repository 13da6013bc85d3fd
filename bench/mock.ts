// The upstream of the benchmark: raw sockets and prepared bytes, so that it stays far from its own limit.
// Started with `ipc`; each message sets the mode for the requests that follow and is answered with what it was.
import { createServer, type Socket } from 'node:net';
import { doneEvent, modelList, streamEvent, usageEvent, wholeAnswer } from './payloads.ts';

export type MockMode =
  /** `isSplit`: head and body in two writes, which shows a proxy that waits for an acknowledgement between the two. */
  | { readonly kind: 'whole'; readonly isSplit: boolean }
  /** `paceMs` 0: one delta to each stream in each turn of the event loop. */
  | { readonly kind: 'stream'; readonly deltas: number; readonly paceMs: number };

interface PreparedStream {
  readonly head: Buffer;
  readonly delta: Buffer;
  readonly end: Buffer;
  readonly endWithUsage: Buffer;
}

const prepared: PreparedStream = {
  head: Buffer.from(
    'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n',
  ),
  delta: chunk(streamEvent({ content: ' token' })),
  end: streamEnd(false),
  endWithUsage: streamEnd(true),
};
const firstDelta = Buffer.concat([chunk(streamEvent({ role: 'assistant', content: '' })), prepared.delta]);
const answer = Buffer.from(counted(wholeAnswer));
const answerHead = answer.subarray(0, answer.indexOf('\r\n\r\n') + 4);
const answerBody = answer.subarray(answerHead.length);
const models = Buffer.from(counted(modelList));
const lengthRequired = Buffer.from(
  'HTTP/1.1 411 Length Required\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
);

let mode: MockMode = { kind: 'whole', isSplit: false };

/** One stream on one socket; it lives as long as its deltas last or its reader stays. */
class Stream {
  readonly #socket: Socket;
  readonly #end: Buffer;
  #left: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, deltas: number, end: Buffer) {
    this.#socket = socket;
    this.#left = deltas - 1;
    this.#end = end;
  }

  start(paceMs: number): void {
    this.#socket.write(prepared.head);
    setImmediate(() => {
      this.#socket.write(firstDelta);
      if (paceMs === 0) eager.add(this);
      else this.#timer = setInterval(() => this.step(), paceMs);
    });
  }

  step(): 'more' | 'full' | 'over' {
    if (this.#socket.destroyed || this.#left <= 0) {
      this.stop();
      if (!this.#socket.destroyed) this.#socket.write(this.#end);
      return 'over';
    }
    this.#left -= 1;
    return this.#socket.write(prepared.delta) ? 'more' : 'full';
  }

  stop(): void {
    clearInterval(this.#timer);
    eager.streams.delete(this);
  }

  whenDrained(act: () => void): void {
    this.#socket.once('drain', act);
  }
}

/** The streams that go as fast as they can: one delta each, then the event loop turns. */
const eager = {
  streams: new Set<Stream>(),
  isTurning: false,
  add(stream: Stream): void {
    this.streams.add(stream);
    if (this.isTurning) return;
    this.isTurning = true;
    setImmediate(() => this.turn());
  },
  turn(): void {
    for (const stream of this.streams) {
      if (stream.step() !== 'full') continue;
      this.streams.delete(stream);
      stream.whenDrained(() => this.add(stream));
    }
    this.isTurning = this.streams.size > 0;
    if (this.isTurning) setImmediate(() => this.turn());
  },
};

function serve(socket: Socket): void {
  let rest: Buffer | undefined;
  let stream: Stream | undefined;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => stream?.stop());
  socket.on('data', (bytes: Buffer) => {
    const request = rest === undefined ? bytes : Buffer.concat([rest, bytes]);
    const end = request.indexOf('\r\n\r\n');
    const length = end === -1 ? undefined : requestLength(request.toString('latin1', 0, end + 2));
    if (length === 'unknown') return void socket.end(lengthRequired);
    if (length === undefined || request.length < end + 4 + length) {
      rest = request;
      return;
    }
    rest = undefined;
    stream = reply(socket, request);
  });
}

function reply(socket: Socket, request: Buffer): Stream | undefined {
  if (request[0] === 71) {
    socket.write(models);
    return undefined;
  }
  if (mode.kind === 'stream') {
    const end = request.includes('"include_usage":true') ? prepared.endWithUsage : prepared.end;
    const stream = new Stream(socket, mode.deltas, end);
    stream.start(mode.paceMs);
    return stream;
  }
  if (mode.isSplit) {
    socket.write(answerHead);
    setImmediate(() => socket.write(answerBody));
  } else {
    socket.write(answer);
  }
  return undefined;
}

function requestLength(head: string): number | 'unknown' {
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
  if (length !== undefined) return Number(length);
  return head.startsWith('POST') || /\r\ntransfer-encoding:/i.test(head) ? 'unknown' : 0;
}

function counted(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function streamEnd(hasUsage: boolean): Buffer {
  const events = [streamEvent({}, 'stop'), ...(hasUsage ? [usageEvent(200)] : []), doneEvent];
  return Buffer.concat([...events.map(chunk), Buffer.from('0\r\n\r\n')]);
}

function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

const server = createServer(serve);
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 }, () =>
  process.send?.('ready'),
);
process.on('message', (next: MockMode) => {
  mode = next;
  process.send?.('ready');
});
process.on('disconnect', () => process.exit());
