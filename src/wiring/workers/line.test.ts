import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { createHeldClock } from '../../../test/held-clock.ts';
import { Failure, fail } from '../../core/failure.ts';
import { type Answers, type Channel, Line } from './line.ts';

type Asked = { readonly double: { given: number; answer: number } };
type Nothing = Record<never, never>;

/** Two ends that hear each other, in the next turn, as processes do. */
function channels(): readonly [Channel & EventEmitter, Channel & EventEmitter] {
  const ends = [new EventEmitter(), new EventEmitter()] as const;
  const sendTo = (other: EventEmitter) => (message: unknown) =>
    setImmediate(() => other.emit('message', message));
  return [
    Object.assign(ends[0], { send: sendTo(ends[1]) }),
    Object.assign(ends[1], { send: sendTo(ends[0]) }),
  ];
}

function open(double: Answers<Asked>['double'], [near, far] = channels()) {
  const clock = createHeldClock();
  const line = new Line<Asked, Nothing>({ channel: near, clock, answers: {} });
  new Line<Nothing, Asked>({ channel: far, clock, answers: { double } });
  return { line, clock };
}

test('each question gets its own answer, in whatever order they come', async () => {
  const waiting: (() => void)[] = [];
  const { line } = open((given) => new Promise((resolve) => waiting.push(() => resolve(given * 2))));
  const both = Promise.all([line.ask('double', 1), line.ask('double', 2)]);
  while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
  for (const answer of waiting.reverse()) answer();
  assert.deepEqual(await both, [2, 4]);
});

test('a failure arrives as a failure, and trouble of the system with what the system said', async () => {
  const failing = open(() => {
    throw fail('queue_full', 'no such place', { retryAfterS: 7, param: 'on' });
  });
  await assert.rejects(failing.line.ask('double', 1), (thrown: Failure) => {
    assert.ok(thrown instanceof Failure);
    const { code, status, message, retryAfterS, param } = thrown;
    assert.deepEqual([code, status, message], ['queue_full', 429, 'no such place']);
    assert.deepEqual([retryAfterS, param], [7, 'on']);
    return true;
  });
  const busy = open(() => {
    throw Object.assign(new Error('in use'), { code: 'EADDRINUSE', syscall: 'listen', port: 7070 });
  });
  await assert.rejects(busy.line.ask('double', 1), { code: 'EADDRINUSE', syscall: 'listen', port: 7070 });
});

test('nobody waits for whoever does not answer, or has ended', async () => {
  const { line, clock } = open(() => new Promise(() => {}));
  const late = assert.rejects(line.ask('double', 1, 1_000), /has not within 1000 ms/);
  clock.advance(1_000);
  await late;
  const cut = assert.rejects(line.ask('double', 1), /has ended/);
  line.cut();
  await cut;
  await assert.rejects(line.ask('double', 1), /has ended/);
});

test('no more questions wait than there may', async () => {
  const { line } = open(() => new Promise(() => {}));
  const waiting = Array.from({ length: 256 }, () => assert.rejects(line.ask('double', 1)));
  await assert.rejects(line.ask('double', 1), /256 questions/);
  line.cut();
  await Promise.all(waiting);
});

test('what cannot be sent is told to whoever asks, and to nobody later', async () => {
  const [near, far] = channels();
  const send = () => {
    throw new DOMException('a function could not be cloned', 'DataCloneError');
  };
  const { line, clock } = open(() => 0, [Object.assign(near, { send }), far]);
  await assert.rejects(line.ask('double', 1), /could not be cloned/);
  // A question that waited on would be refused now, with nobody there to hear of it: that ends the process.
  clock.advance(60_000);
  await new Promise((resolve) => setImmediate(resolve));
});
