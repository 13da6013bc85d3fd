import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Sink, StreamSource } from '../core/stage.ts';
import { SharedStream, type StreamReading } from './shared-stream.ts';

const bytesMax = 64;
const pieceBytesMax = 8;

class Source implements StreamSource {
  sink: Sink | undefined;
  isPaused = false;
  start(sink: Sink): void {
    this.sink = sink;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  abort(): void {}
}

class Reader {
  text = '';
  isEnded = false;
  isLeftBehind = false;
  takes = true;
  readonly reading: StreamReading;

  constructor(stream: SharedStream) {
    this.reading = stream.open({
      left: () => {},
      tooSlow: () => {
        this.isLeftBehind = true;
        this.reading.breakOff(Buffer.from('!'));
      },
    });
    this.reading.start({
      write: (bytes) => {
        this.text += Buffer.from(bytes).toString('latin1');
        return this.takes;
      },
      end: () => {
        this.isEnded = true;
      },
    });
  }

  resume(): void {
    this.takes = true;
    this.reading.resume();
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      by: fc.integer({ min: 1, max: pieceBytesMax }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constantFrom('stop' as const, 'go' as const), by: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('join' as const), by: fc.constant(0) }) },
);

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

class Play {
  readonly held = { bytes: 0 };
  readonly stream = new SharedStream({ bytesMax, held: this.held });
  readonly source = new Source();
  readonly readers: Reader[] = [];
  said = '';

  constructor() {
    this.stream.follow(this.source, () => this.stream.finish());
    this.join();
  }

  do({ what, by }: Step): void {
    const reader = this.readers[by % this.readers.length];
    if (what === 'join') this.join();
    else if (what === 'write') this.write(by);
    else if (what === 'go') reader?.resume();
    else if (reader !== undefined) reader.takes = false;
  }

  join(): void {
    if (this.stream.isWhole) this.readers.push(new Reader(this.stream));
  }

  write(bytes: number): void {
    if (this.source.isPaused) return;
    const piece = String.fromCharCode(97 + (this.said.length % 26)).repeat(bytes);
    this.said += piece;
    this.source.isPaused = this.source.sink?.write(Buffer.from(piece)) === false;
    const nobodyReads = this.readers.every(({ reading }) => !reading.flows);
    assert.equal(this.source.isPaused, nobodyReads, 'as long as somebody reads, nobody else is waited for');
  }

  assertBounded(): void {
    const quickest = Math.max(...this.readers.map(({ text }) => text.length));
    for (const { text, isLeftBehind } of this.readers) {
      assert.ok(isLeftBehind || quickest - text.length <= bytesMax);
    }
  }

  assertEnded(): void {
    for (const { text, isLeftBehind, isEnded } of this.readers) {
      assert.ok(isEnded);
      assert.ok(
        isLeftBehind ? text.endsWith('!') && this.said.startsWith(text.slice(0, -1)) : text === this.said,
      );
    }
    assert.equal(this.held.bytes, 0, 'nothing is kept of what is over');
  }
}

test('G14, C6: each reads all of it at its own pace or is left behind, and no more is kept than may be', () => {
  let leftBehind = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 200 }), (steps) => {
      const play = new Play();
      for (const one of steps) {
        play.do(one);
        play.assertBounded();
      }
      play.stream.seal();
      play.source.sink?.end();
      for (const reader of play.readers) reader.resume();
      play.assertEnded();
      leftBehind += play.readers.filter(({ isLeftBehind }) => isLeftBehind).length;
    }),
    { numRuns: 300 },
  );
  assert.ok(leftBehind > 0, 'some were');
});
