import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { inflate } from './inflate.ts';

const text = Buffer.from('{"model":"m","messages":[]}'.repeat(100));
const kibibyte = 1024;

const encodings = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;

for (const [name, pack] of Object.entries(encodings)) {
  test(`C13: ${name} is unpacked up to the limit and not a byte beyond it`, async () => {
    assert.deepEqual(Buffer.from(await inflate(pack(text), name, text.length)), text);
    await assert.rejects(inflate(pack(text), name, text.length - 1), { code: 'body_too_large', status: 413 });
  });

  test(`C13: a bomb in ${name} costs no more than the limit`, async () => {
    const bomb = pack(Buffer.alloc(64 * kibibyte * kibibyte));
    const before = process.memoryUsage.rss();
    await assert.rejects(inflate(bomb, name, 64 * kibibyte), { code: 'body_too_large' });
    assert.ok(process.memoryUsage.rss() - before < 16 * kibibyte * kibibyte);
  });

  test(`C13: a body that is not ${name}, or only the start of it, is the client's mistake`, async () => {
    for (const bytes of [Buffer.from('{"model":"m"}'), pack(text).subarray(0, -9), Buffer.alloc(0)]) {
      await assert.rejects(inflate(bytes, name, text.length), { code: 'invalid_request' });
    }
  });
}

test('C13: the name of an encoding is read in any case, and `identity` is none', async () => {
  assert.deepEqual(Buffer.from(await inflate(gzipSync(text), 'GZIP', text.length)), text);
  assert.equal(await inflate(text, 'identity', 1), text);
});

test('C13: other encodings, several at once, and names that objects have by birth are refused', async () => {
  for (const name of ['compress', 'gzip, gzip', 'gzip,br', '__proto__', 'constructor', '']) {
    await assert.rejects(inflate(text, name, kibibyte), { code: 'unsupported_media_type', status: 415 });
  }
});
