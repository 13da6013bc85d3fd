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

function open(double: Answers<Asked>['double']) {
  const clock = createHeldClock();
  const [near, far] = channels();
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
    throw fail('not_found', 'no such thing');
  });
  await assert.rejects(failing.line.ask('double', 1), (thrown: Failure) => {
    return thrown instanceof Failure && thrown.code === 'not_found' && thrown.message === 'no such thing';
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
