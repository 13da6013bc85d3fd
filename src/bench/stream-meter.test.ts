import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type StreamKind, StreamMeter } from './stream-meter.ts';

const sse = [
  ': warming up\n\n',
  'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
  'event: message\nid: 7\ndata: {"choices":[{"delta":{"content":"data: é"}}]}\n\n',
  'data: {"choices":[],"usage":{}}\r\n\r\n',
  'data: [DONE]\n\n',
].join('');
const ndjson = '{"message":{"content":""}}\n{"message":{"content":"x"}}\n\n{"message":{},"done":true}\n';

function measure(kind: StreamKind, pieces: readonly Buffer[]): StreamMeter {
  const meter = new StreamMeter(kind);
  meter.begin();
  // One memory for every piece, as the generator reads: the meter must not keep references into it.
  const memory = Buffer.alloc(4096);
  for (const piece of pieces) {
    piece.copy(memory);
    meter.push(memory.subarray(0, piece.length));
    memory.fill('x');
  }
  return meter;
}

for (const [kind, wire, events] of [
  ['sse', sse, 4],
  ['ndjson', ndjson, 3],
] as const) {
  test(`${kind} events are counted the same however the bytes are cut`, () => {
    const bytes = Buffer.from(wire);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
        const places = [0, ...cuts.sort((left, right) => left - right), bytes.length];
        const meter = measure(
          kind,
          places.slice(1).map((place, index) => bytes.subarray(places[index], place)),
        );
        assert.equal(meter.events, events);
        assert.equal(meter.hasContent, true);
        assert.equal(meter.isComplete, true);
      }),
    );
  });

  test(`${kind} without its end marker is not complete`, () => {
    const meter = measure(kind, [Buffer.from(wire.slice(0, -16))]);
    assert.equal(meter.hasContent, true);
    assert.equal(meter.isComplete, false);
  });
}

test('a role, an empty delta and a comment are not content', () => {
  const meter = measure('sse', [Buffer.from(sse.slice(0, sse.indexOf('event:')))]);
  assert.equal(meter.events, 1);
  assert.equal(meter.hasContent, false);
});

test('an end marker without a last newline still completes the stream', () => {
  assert.equal(measure('sse', [Buffer.from('data: {"text":"a"}\n\ndata: [DONE]')]).isComplete, true);
});

test('another end marker can be named', () => {
  const meter = new StreamMeter('sse', 'message_stop');
  meter.begin();
  meter.push(Buffer.from('event: message_stop\ndata: {"type":"message_stop"}\n\n'));
  assert.equal(meter.isComplete, true);
});
