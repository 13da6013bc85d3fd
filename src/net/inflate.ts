/** Unpacks a request's body, never to more than its route allows (C13). */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate as inflateZlib, zstdDecompress } from 'node:zlib';
import { fail } from '../core/failure.ts';

type Unpack = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const encodings: Readonly<Record<string, Unpack>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflateZlib),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

export async function inflate(bytes: Uint8Array, encoding: string, bytesMax: number): Promise<Uint8Array> {
  const name = encoding.toLowerCase();
  if (name === 'identity') return bytes;
  const unpack = Object.hasOwn(encodings, name) ? encodings[name] : undefined;
  if (unpack === undefined) {
    throw fail('unsupported_media_type', `a body packed as ${encoding.slice(0, 40)} is not understood`);
  }
  try {
    return await unpack(bytes, { maxOutputLength: bytesMax });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw fail('body_too_large', `the body unpacks to more than ${bytesMax} bytes`, { cause });
    }
    throw fail('invalid_request', `the body is not valid ${encoding}`, { cause });
  }
}
