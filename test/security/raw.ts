/** Requests as bytes, and what came back until the other side closed or the answer was complete. */
import { connect, type Socket } from 'node:net';
import { openRawClient } from '../upstream/raw-client.ts';

export interface Head {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A well-formed request; `content-length` is added where there is a body and no framing of its own. */
export function requestBytes({ method, path, headers = {}, body }: Head): Buffer {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const framed = names.includes('content-length') || names.includes('transfer-encoding');
  const length = body === undefined || framed ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  const lines = [
    `${method ?? (body === undefined ? 'GET' : 'POST')} ${path} HTTP/1.1`,
    ...(names.includes('host') ? [] : ['host: localhost']),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...length,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body ?? '')]);
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** One answer on a connection of its own. */
export async function answerTo(port: number, bytes: Buffer | string): Promise<Answer> {
  const client = openRawClient(port);
  client.socket.write(bytes);
  const { head, content } = await client.reply();
  return parseAnswer(head, content.toString());
}

export interface Closed {
  /** Everything that came. */
  readonly text: string;
  readonly statuses: readonly number[];
  /** From the connection to its end. */
  readonly tookMs: number;
  /** Of the first answer. */
  readonly answer: Answer;
}

/** Sends the bytes and waits until the other side has closed the connection. */
export async function untilClosed(port: number, bytes: Buffer | string): Promise<Closed> {
  const startedMs = performance.now();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const text = collect(socket);
  socket.write(bytes);
  await closing(socket);
  const [head = '', ...rest] = text().split('\r\n\r\n');
  return {
    text: text(),
    statuses: [...text().matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1])),
    tookMs: performance.now() - startedMs,
    answer: parseAnswer(head, firstBody(rest.join('\r\n\r\n'))),
  };
}

/** What follows it on the same connection begins with a status line. */
const firstBody = (text: string): string => text.split(/HTTP\/1\.1 \d{3} /)[0] ?? '';

export function collect(socket: Socket): () => string {
  let text = '';
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
  });
  // How it ended is told by `close` and by what came before it.
  socket.on('error', () => {});
  return () => text;
}

export function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

function parseAnswer(head: string, text: string): Answer {
  const [line = '', ...fields] = head.split('\r\n');
  const headers = fields.map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return {
    status: Number(line.split(' ')[1] ?? 0),
    headers: new Map(headers),
    text,
    json: isJson(head) && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

const isJson = (head: string): boolean => /content-type: application\/json/i.test(head);
