/** A kept reply as one run of bytes: how long its head is, the head as JSON, the body. */
import type { KeptReply } from '../../core/replay.ts';

const lengthBytes = 4;

export function packReply({ status, headers, body }: KeptReply): Uint8Array {
  const head = Buffer.from(JSON.stringify({ status, headers }));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, body]);
}

export function unpackReply(bytes: Uint8Array): KeptReply {
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodyAt = lengthBytes + packed.readUInt32BE(0);
  const head: unknown = JSON.parse(packed.toString('utf8', lengthBytes, bodyAt));
  if (!isHead(head)) throw new TypeError('what is kept of a reply is none of ours');
  return { ...head, body: packed.subarray(bodyAt) };
}

function isHead(value: unknown): value is Omit<KeptReply, 'body'> {
  if (typeof value !== 'object' || value === null || !('status' in value) || !('headers' in value))
    return false;
  const { status, headers } = value;
  return (
    Number.isInteger(status) && Array.isArray(headers) && headers.every((each) => typeof each === 'string')
  );
}
