/**
 * U8 with several servers and streams carried on: however one of them breaks its events, the client reads the same text or an
 * honest error, what it did counts as its own failure, and it is left for the others.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Behaviour } from '../upstream/behaviour.ts';
import {
  asked,
  type CarriedRig,
  chunks,
  type Dialect,
  openCarriedRig,
  readStream,
  whole,
} from './carried-rig.ts';
import { until } from './rig.ts';

const dialects: readonly Dialect[] = ['openai', 'ollama'];
const pairs = dialects.flatMap((client) => dialects.map((first) => ({ client, first })));

/** Byte by byte is slow. */
const few = chunks.slice(0, 8);

/** Odd, and nothing is wrong with it. */
const shapes: readonly Partial<Behaviour>[] = [
  { splitBytes: 1 },
  { splitBytes: 3, lineEnding: '\r\n' },
  { bom: true, splitBytes: 2 },
  { endMarker: 'twice' },
];

/** In each of them the rest is said elsewhere: what was said is whole, and what was not is not told as said. */
const faults: readonly Partial<Behaviour>[] = [
  { endMarker: 'never' },
  { errorEventAfter: 0 },
  { errorEventAfter: 20 },
  { malformedEvent: 20, splitBytes: 7 },
  { paddingBytes: 50_000_000 },
  { invalidUtf8: true },
];

const first = ({ servers }: CarriedRig) => {
  const [server] = servers;
  assert.ok(server !== undefined);
  return server;
};

for (const { client, first: type } of pairs) {
  test(`U8: from an ${type} server among others to a client of ${client}'s: odd events are the same text, and no failure of anybody's`, async (t) => {
    const rig = await openCarriedRig(t, {
      servers: [{ type, behaviour: { chunks: few } }, { type: 'openai' }],
    });
    for (const shape of shapes) {
      first(rig).scriptNext(shape);
      const reply = await rig.ask(asked[client]);
      const { text, error, ended } = readStream(client, reply);
      assert.deepEqual([text, error, ended], [few.join(''), undefined, true], JSON.stringify(shape));
      const { upstream, carriedOn = [], attempts = [] } = await rig.row(reply);
      assert.deepEqual([upstream, carriedOn.length, attempts.length], ['s0', 0, 0], JSON.stringify(shape));
    }
    await rig.quiet();
  });

  test(`U8, R17: from an ${type} server among others to a client of ${client}'s: broken events are gone on with elsewhere, and count against it`, async (t) => {
    const rig = await openCarriedRig(t, {
      servers: [{ type }, { type: 'openai' }],
      config: { retries: { budget: 1 }, health: { eject: { failures: 100 } } },
    });
    for (const fault of faults) {
      // One that is well between two failures, so that each is told of by itself.
      await rig.ask(asked[client]);
      first(rig).scriptNext(fault);
      const reply = await rig.ask(asked[client]);
      const label = JSON.stringify(fault);
      const { text, error, ended } = readStream(client, reply);
      assert.ok(whole.startsWith(text), `${label}: ${text}`);
      assert.equal(ended, error === undefined, `${label}: an end or an error`);
      if (ended) assert.equal(text, whole, label);
      assert.equal(healthOf(rig).failures, 1, `${label} counts`);
      const { upstream, carriedOn = [], attempts = [], outcome } = await rig.row(reply);
      t.diagnostic(
        `${label}: ${outcome} by ${upstream}, ${carriedOn.length} carried on, ${attempts.length} failed`,
      );
    }
    await rig.quiet();
  });
}

for (const client of dialects) {
  test(`U8, R17: a server that tells of an error after its 200 each time is left for the others, and a client of ${client}'s never hears of it`, async (t) => {
    const rig = await openCarriedRig(t, {
      servers: [{ type: 'openai', behaviour: { errorEventAfter: 20 } }, { type: 'ollama' }],
    });
    const askedOf = () => first(rig).requests.filter(({ method }) => method === 'POST').length;
    await until('it is left', async () => {
      const { text, error } = readStream(client, await rig.ask(asked[client]));
      assert.deepEqual([text, error], [whole, undefined]);
      return healthOf(rig).state === 'down';
    });
    const before = askedOf();
    assert.ok(before <= 5, `${before} times`);
    for (let more = 0; more < 5; more += 1) {
      assert.equal(readStream(client, await rig.ask(asked[client])).text, whole);
    }
    assert.equal(askedOf(), before);
  });
}

function healthOf({ gateway }: CarriedRig) {
  const { lasting, snapshot } = gateway.gateway;
  const upstream = snapshot.upstreams.find(({ name }) => name === 's0');
  assert.ok(upstream !== undefined);
  return lasting.health.of(upstream);
}
