// A client that shows what is on the wire: bytes as they came, when, and how the connection ended.
import { connect, type Socket } from 'node:net';

export interface RawReply {
  readonly head: string;
  /** Everything after the head, with its chunk framing. */
  readonly body: Buffer;
  /** The body without its chunk framing, as far as it came. */
  readonly content: Buffer;
  /** Whether the body's own framing says that it is complete. */
  readonly isComplete: boolean;
  /** How the connection ended; `open` when the reply was complete before it did. */
  readonly ending: 'open' | 'closed' | 'reset';
  /** What each read returned. */
  readonly reads: readonly { readonly bytes: Buffer; readonly at: number }[];
}

/** Sends a request on a connection of its own, and closes it when the reply is complete or the connection ends. */
export async function ask(port: number, path: string, body?: unknown): Promise<RawReply> {
  const client = openRawClient(port);
  client.send(path, body);
  return await client.reply();
}

export interface RawClient {
  readonly socket: Socket;
  send(path: string, body?: unknown): void;
  /** Settles when at least so many bytes have come. */
  received(bytes: number): Promise<void>;
  /** Settles when the reply is complete or the connection has ended. */
  reply(): Promise<RawReply>;
  /** The bytes so far. */
  bytes(): Buffer;
}

export function openRawClient(port: number): RawClient {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const reads: { bytes: Buffer; at: number }[] = [];
  const waiting = new Set<() => void>();
  let ending: RawReply['ending'] = 'open';
  let bytesRead = 0;
  const bytes = () => Buffer.concat(reads.map((read) => read.bytes));
  const changed = () => {
    for (const check of waiting) check();
  };
  socket.on('data', (data: Buffer) => {
    bytesRead += data.length;
    reads.push({ bytes: data, at: performance.now() });
    changed();
  });
  socket.on('error', () => {
    ending = 'reset';
  });
  socket.on('close', () => {
    if (ending === 'open') ending = 'closed';
    changed();
  });
  const until = (isTrue: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!isTrue()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return {
    socket,
    bytes,
    send: (path, body) => socket.write(requestText(path, body)),
    received: (count) => until(() => ending !== 'open' || bytesRead >= count),
    reply: async () => {
      await until(() => ending !== 'open' || parseReply(bytes()).isComplete);
      const reply = { ...parseReply(bytes()), ending, reads: [...reads] };
      socket.destroy();
      return {
        ...reply,
        isComplete: reply.isComplete || (isCloseDelimited(reply.head) && ending === 'closed'),
      };
    },
  };
}

function requestText(path: string, body: unknown): string {
  if (body === undefined) return `GET ${path} HTTP/1.1\r\nhost: fake\r\n\r\n`;
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  return `POST ${path} HTTP/1.1\r\nhost: fake\r\ncontent-length: ${length}\r\n\r\n${text}`;
}

function parseReply(bytes: Buffer): Pick<RawReply, 'head' | 'body' | 'content' | 'isComplete'> {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
  const body = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4);
  if (/transfer-encoding: chunked/i.test(head)) return { head, body, ...unchunk(body) };
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  return { head, body, content: body, isComplete: length !== undefined && body.length >= Number(length) };
}

const isCloseDelimited = (head: string): boolean =>
  head !== '' && !/transfer-encoding|content-length/i.test(head);

function unchunk(body: Buffer): Pick<RawReply, 'content' | 'isComplete'> {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    if (lineEnd < 0) return { content: Buffer.concat(chunks), isComplete: false };
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error(`no chunk size at ${at} of ${body.length}`);
    const start = lineEnd + 2;
    if (size === 0) return { content: Buffer.concat(chunks), isComplete: body.length >= start + 2 };
    chunks.push(body.subarray(start, start + size));
    at = start + size + 2;
  }
}
