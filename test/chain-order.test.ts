/** Order is a type: what these lines misplace must not compile. `tsc` is the test; running it proves the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authenticated, Bound, Matched, Parsed, Planned, Received } from '../src/core/exchange.ts';
import { type Handler, pipeline, type Stage, wholeReply } from '../src/core/stage.ts';

const order: string[] = [];

/** A stage that only passes on; the type parameters are what is tested. */
function passing<In, Out extends In>(name: string): Stage<In, Out> {
  return (next) => (exchange) => {
    order.push(name);
    return next(exchange as Out);
  };
}

const match = passing<Received, Matched>('match');
const authenticate = passing<Matched, Authenticated>('authenticate');
const parse = passing<Authenticated, Parsed>('parse');
const plan = passing<Parsed, Planned>('plan');
const schedule = passing<Planned, Bound>('schedule');
const dispatch: Handler<Bound> = () => Promise.resolve(wholeReply(200, [], new Uint8Array()));

test('stages run in the order in which they are written', async () => {
  const handler = pipeline<Received>()
    .through(match)
    .through(authenticate)
    .through(parse)
    .through(plan)
    .through(schedule)
    .into(dispatch);
  order.length = 0;
  await handler({} as Received);
  assert.deepEqual(order, ['match', 'authenticate', 'parse', 'plan', 'schedule']);
});

test('a stage placed before what it needs does not compile', () => {
  // @ts-expect-error authenticate needs a route, which match adds
  pipeline<Received>().through(authenticate);
  // @ts-expect-error plan needs a call, which parse adds
  pipeline<Received>().through(match).through(authenticate).through(plan);
  // @ts-expect-error dispatch needs a target, which schedule adds
  pipeline<Received>().through(match).through(authenticate).through(parse).through(plan).into(dispatch);
  // @ts-expect-error parse must not run before anyone knows who calls
  pipeline<Received>().through(match).through(parse);
  assert.ok(true, 'tsc checks this file');
});
