/** A name server on loopback that says what it is told to say. */
import { createSocket } from 'node:dgram';

export type NameAnswer =
  | { readonly address: string; readonly ttlS: number }
  | 'unknown'
  | 'failing'
  /** Never answered. */
  | 'silent';

export interface DnsStub {
  /** As `dns.servers` takes it. */
  readonly server: string;
  /** Names without an answer are unknown. */
  answer(name: string, answer: NameAnswer): void;
  /** How often the address of a name was asked for. */
  questions(name: string): number;
  close(): Promise<void>;
}

const headerBytes = 12;
const typeA = 1;
const flags = { found: 0x8180, failing: 0x8182, unknown: 0x8183 };

export async function openDnsStub(): Promise<DnsStub> {
  const socket = createSocket('udp4');
  const answers = new Map<string, NameAnswer>();
  const asked = new Map<string, number>();
  socket.on('message', (question, from) => {
    const { name, type, end } = readQuestion(question);
    if (type === typeA) asked.set(name, (asked.get(name) ?? 0) + 1);
    const answer = answers.get(name) ?? 'unknown';
    if (answer === 'silent') return;
    socket.send(replyTo({ question: question.subarray(0, end), type }, answer), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    server: `127.0.0.1:${socket.address().port}`,
    answer: (name, answer) => void answers.set(name, answer),
    questions: (name) => asked.get(name) ?? 0,
    close: () => new Promise((resolve) => void socket.close(() => resolve())),
  };
}

function readQuestion(question: Buffer) {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: question.readUInt16BE(at + 1), end: at + 5 };
}

interface Asked {
  readonly question: Buffer;
  readonly type: number;
}

function replyTo({ question, type }: Asked, answer: Exclude<NameAnswer, 'silent'>): Buffer {
  const head = Buffer.from(question);
  const isFound = typeof answer === 'object';
  head.writeUInt16BE(isFound ? flags.found : flags[answer], 2);
  const records = isFound && type === typeA ? [recordOf(answer)] : [];
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records]);
}

function recordOf({ address, ttlS }: { readonly address: string; readonly ttlS: number }): Buffer {
  const record = Buffer.alloc(16);
  // The name is the question's.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(typeA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlS, 6);
  record.writeUInt16BE(4, 10);
  for (const [index, part] of address.split('.').entries()) record[12 + index] = Number(part);
  return record;
}
