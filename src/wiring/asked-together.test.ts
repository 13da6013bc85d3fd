import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { AskedTogether } from './asked-together.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

function open() {
  const clock = createHeldClock();
  const asked: (readonly string[])[] = [];
  const held: (() => void)[] = [];
  let isHeld = false;
  const together = new AskedTogether<string, number>({
    clock,
    kindOf: (question) => question.slice(0, 1),
    ask: async (questions) => {
      asked.push(questions);
      if (isHeld) await new Promise<void>((resolve) => held.push(resolve));
      if (questions.includes('a-wrong')) throw new Error('nobody can tell');
      return questions.map((question) => question.length);
    },
  });
  const hold = () => {
    isHeld = true;
  };
  const answer = () => {
    isHeld = false;
    for (const give of held.splice(0)) give();
  };
  return { clock, asked, together, hold, answer };
}

test('who comes in one turn is asked about in one question of each kind, and each has its own answer', async () => {
  const { together, asked } = open();
  const answers = await Promise.all(['a1', 'b22', 'a333'].map((question) => together.ask(question)));
  assert.deepEqual(answers, [2, 3, 4]);
  assert.deepEqual(asked, [['a1', 'a333'], ['b22']]);
});

test('while one question is answered the others of its kind gather, of which more than 500 are several questions', async () => {
  const { together, asked, hold, answer } = open();
  hold();
  const first = together.ask('a');
  await turn();
  const rest = Array.from({ length: 600 }, (_, at) => together.ask(`a${at}`));
  await turn();
  assert.deepEqual(asked, [['a']]);
  answer();
  await Promise.all([first, ...rest]);
  assert.deepEqual(
    asked.map(({ length }) => length),
    [1, 500, 100],
  );
});

test('who comes alone is asked about at once, and of a flood there is a question each 50 ms', async () => {
  const { together, asked, clock } = open();
  for (let at = 0; at < 20; at += 1) await together.ask(`a${at}`);
  assert.equal(asked.length, 20, 'so many go at once');
  const waiting = [together.ask('a-one')];
  await turn();
  waiting.push(together.ask('a-two'));
  await turn();
  assert.equal(asked.length, 20);
  clock.advance(50);
  await Promise.all(waiting);
  assert.deepEqual(asked.at(-1), ['a-one', 'a-two']);
  clock.advance(1_000);
  await together.ask('a-later');
});

test('in a crowd of several kinds full questions follow each other, and only what is left over waits', async () => {
  const { together, asked, clock } = open();
  for (let at = 0; at < 24; at += 1) {
    clock.advance(at < 20 ? 0 : 50);
    await together.ask(`z${at}`);
  }
  const of = (kind: string) => Array.from({ length: 2_500 }, (_, at) => together.ask(`${kind}${at}`));
  let answered = 0;
  const all = ['a', 'b', 'c', 'd'].flatMap(of).map((answer) => answer.then(() => (answered += 1)));
  clock.advance(200);
  for (let turns = 0; answered < all.length && turns < 100; turns += 1) await turn();
  assert.equal(answered, all.length, 'the pace was kept for the first of each kind alone');
  assert.equal(asked.length, 24 + 4 * 5);
});

test('where nobody can tell all who asked hear of it, and who comes later is asked about anew', async () => {
  const { together, asked } = open();
  const [one, other] = await Promise.allSettled([together.ask('a1'), together.ask('a-wrong')]);
  assert.deepEqual([one?.status, other?.status], ['rejected', 'rejected']);
  assert.equal(await together.ask('a1'), 2);
  assert.equal(asked.length, 2);
});
