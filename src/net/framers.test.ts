import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../core/failure.ts';
import { NdjsonFramer, parseLine } from './ndjson-framer.ts';
import { parseSse, SseFramer } from './sse-framer.ts';

const stream =
  'data: {"a":"é€😀"}\n\n: keep-alive\n\nevent: error\r\ndata: one\r\ndata: two\r\n\r\ndata:[DONE]\n\n';
const expected = [
  { event: '', data: '{"a":"é€😀"}' },
  { event: '', data: '' },
  { event: 'error', data: 'one\ntwo' },
  { event: '', data: '[DONE]' },
];

function frames(bytes: Buffer, cuts: readonly number[], bytesMax = 10_000) {
  const framer = new SseFramer(bytesMax);
  const taken: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    framer.push(bytes.subarray(from, cut), (event) => taken.push(event));
    from = cut;
  }
  return { taken, pending: framer.pending };
}

test('an event stream cut in two at every byte gives the same events (G18)', () => {
  const bytes = Buffer.from(stream);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const { taken, pending } = frames(bytes, [cut]);
    assert.deepEqual(taken.map(parseSse), expected, `cut at ${cut}`);
    assert.equal(pending, 0);
    assert.equal(Buffer.concat(taken).toString(), stream);
  }
});

test('an event stream that comes byte by byte gives the same events', () => {
  const bytes = Buffer.from(stream);
  const { taken } = frames(
    bytes,
    Array.from({ length: bytes.length }, (_, index) => index),
  );
  assert.deepEqual(taken.map(parseSse), expected);
});

test('any bytes in any pieces come out as they went in, finished or pending', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array.map((byte) => byte % 14)));
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(300), { maxLength: 20 }), (input, at) => {
      const cuts = at.map((cut) => Math.min(cut, input.length)).sort((one, other) => one - other);
      const whole = frames(input, []);
      const cut = frames(input, cuts);
      assert.deepEqual(
        cut.taken.map((event) => event.toString('hex')),
        whole.taken.map((event) => event.toString('hex')),
      );
      assert.equal(Buffer.concat(cut.taken).length + cut.pending, input.length);
    }),
  );
});

test('events handed out keep their bytes while later ones arrive', () => {
  const framer = new SseFramer(10_000);
  const taken: Buffer[] = [];
  for (const piece of ['data: on', 'e\n\ndata: tw', 'o\n\ndata: three\n', '\n']) {
    framer.push(Buffer.from(piece), (event) => taken.push(event));
  }
  assert.deepEqual(
    taken.map((event) => parseSse(event).data),
    ['one', 'two', 'three'],
  );
});

test('an event larger than its bound is refused, also when it drips in (U8)', () => {
  const framer = new SseFramer(1000);
  const drip = () => {
    for (let index = 0; index < 2000; index += 1) framer.push(Buffer.from('x'), () => {});
  };
  assert.throws(drip, (thrown) => thrown instanceof Failure && thrown.code === 'bad_upstream_response');
});

test('a byte order mark before the first field is not part of it', () => {
  assert.deepEqual(parseSse(Buffer.from('\ufeffdata: x\n\n')), { event: '', data: 'x' });
});

test('a megabyte line that arrives byte by byte costs its length and not its square', () => {
  const framer = new SseFramer(2_000_000);
  const byte = Buffer.from('x');
  const started = performance.now();
  for (let index = 0; index < 1_000_000; index += 1) framer.push(byte, () => {});
  assert.ok(performance.now() - started < 10_000);
  assert.equal(framer.pending, 1_000_000);
});

test('lines cut at every byte give the same lines', () => {
  const text = '{"a":1}\n{"b":"é"}\r\n\n{"c":3}\n';
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const framer = new NdjsonFramer(1000);
    const taken: string[] = [];
    const take = (line: Buffer) => taken.push(parseLine(line).data);
    framer.push(bytes.subarray(0, cut), take);
    framer.push(bytes.subarray(cut), take);
    assert.deepEqual(taken, ['{"a":1}', '{"b":"é"}', '', '{"c":3}'], `cut at ${cut}`);
  }
});
