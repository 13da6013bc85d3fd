// A stream that breaks off is gone on with elsewhere: its client reads one answer, or hears honestly that it ended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countWords } from '../upstream/answer.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { asked, chunks, type Dialect, openCarriedRig, readStream, whole } from './carried-rig.ts';

const dialects: readonly Dialect[] = ['openai', 'ollama'];
const pairs = dialects.flatMap((first) => dialects.map((second) => ({ first, second })));

const breaks: Readonly<Record<string, (chunk: number) => Partial<Behaviour>>> = {
  'U1: is killed': (chunk) => ({ cutAfterChunks: chunk }),
  'U10: resets its connection': (chunk) => ({ resetAfterChunks: chunk }),
  'U8: sends broken JSON': (chunk) => ({ malformedEvent: chunk }),
  'U9: tells of an error': (chunk) => ({ errorEventAfter: chunk }),
};

for (const client of dialects) {
  for (const { first, second } of pairs) {
    for (const [how, behaviour] of Object.entries(breaks)) {
      test(`${how}: an ${first} server before an ${second} one, and a client of ${client}'s reads one whole stream`, async (t) => {
        const rig = await openCarriedRig(t, { servers: [{ type: first }, { type: second }] });
        for (const chunk of [0, 1, 14, 50, chunks.length - 1]) {
          // Three failures in a row would have it left out.
          await rig.ask(asked[client]);
          rig.servers[0]?.scriptNext(behaviour(chunk));
          const reply = await rig.ask(asked[client]);
          const read = readStream(client, reply);
          assert.deepEqual(
            [read.text, read.error, read.ended],
            [whole, undefined, true],
            `at chunk ${chunk}`,
          );
          const { carriedOn = [], attempts = [], outcome } = await rig.row(reply);
          assert.deepEqual(
            [carriedOn.length, attempts.length, outcome],
            chunk === 0 ? [0, 1, 'complete'] : [1, 0, 'complete'],
          );
        }
        await rig.quiet();
      });
    }
  }
}

for (const client of dialects) {
  test(`U1: what a client of ${client}'s is told of its usage counts both parts, and its question once`, async (t) => {
    const rig = await openCarriedRig(t, {
      servers: [{ type: 'ollama', behaviour: { cutAfterChunks: 50 } }, { type: 'openai' }],
      config: {
        prices: {
          s0: { inputPerM: 100, outputPerM: 1_000 },
          s1: { inputPerM: 200, outputPerM: 5_000 },
        },
      },
    });
    const reply = await rig.ask(asked[client]);
    const { usage } = readStream(client, reply);
    const [one, other] = rig.servers;
    assert.ok(one !== undefined && other !== undefined);
    const question = await other.waitForRequest((request) => request.method === 'POST');
    const row = await rig.row(reply);
    const [hop] = row.carriedOn ?? [];
    assert.ok(hop !== undefined);
    const { upstream, toUpstream, code, atChars, atTokens, tokensAgain } = hop;
    assert.deepEqual(
      { upstream, toUpstream, code, atChars, atTokens },
      {
        upstream: 's0',
        toUpstream: 's1',
        code: 'upstream_cut',
        atChars: chunks.slice(0, 50).join('').length,
        atTokens: 50,
      },
    );
    assert.equal(tokensAgain, 1);
    // What the second server counted, by its own rule.
    const asked2 = countWords((question.json as { messages: unknown }).messages);
    const said2 = chunks.length - 50 + tokensAgain;
    assert.equal(usage?.completion, chunks.length, 'every token once');
    assert.equal(
      (usage?.prompt ?? 0) + (usage?.completion ?? 0),
      asked2 + said2,
      'all that the last one knew of',
    );
    const asked1 = asked2 - (50 - tokensAgain);
    assert.deepEqual(
      [row.inputTokens, row.outputTokens],
      [asked1 + asked2, 50 + said2],
      'the ledger has both',
    );
    assert.equal(
      row.costNanoUsd,
      asked1 * 100_000 + 50 * 1_000_000 + asked2 * 200_000 + said2 * 5_000_000,
      'each by its own price',
    );
  });
}

test('U1: the second server dies as well, and the third goes on; with none left the client hears of it', async (t) => {
  const cut = (chunk: number): Partial<Behaviour> => ({ cutAfterChunks: chunk });
  const rig = await openCarriedRig(t, {
    servers: [
      { type: 'ollama', behaviour: cut(10) },
      // A second connection that broke would be laid at the request's door (U16).
      { type: 'openai', behaviour: { errorEventAfter: 20 } },
      { type: 'ollama' },
    ],
  });
  for (const client of dialects) {
    const reply = await rig.ask(asked[client]);
    const read = readStream(client, reply);
    assert.deepEqual([read.text, read.ended, read.usage?.completion], [whole, true, chunks.length]);
    assert.deepEqual(
      (await rig.row(reply)).carriedOn?.map(({ upstream, toUpstream }) => `${upstream} ${toUpstream}`),
      ['s0 s1', 's1 s2'],
    );
  }
  rig.servers[2]?.behave({ status: 503 });
  const read = readStream('openai', await rig.ask(asked.openai));
  assert.ok(whole.startsWith(read.text) && read.text.length < whole.length);
  assert.equal(read.ended, false);
  assert.match(String((read.error as { message: string }).message), /closed the connection/);
  await rig.quiet();
});

test('U1: a lone server that is well again goes on with its own stream, three times at most', async (t) => {
  const rig = await openCarriedRig(t, { servers: [{ type: 'ollama' }] });
  const [server] = rig.servers;
  server?.scriptNext({ cutAfterChunks: 5 });
  const read = readStream('ollama', await rig.ask(asked.ollama));
  assert.deepEqual([read.text, read.ended], [whole, true]);
  server?.behave({ cutAfterChunks: 6 });
  const broken = readStream('ollama', await rig.ask(asked.ollama));
  assert.equal(broken.ended, false);
  assert.ok(whole.startsWith(broken.text));
  assert.ok((server?.requests.filter(({ method }) => method === 'POST').length ?? 0) <= 2 + 1 + 2 * 3);
  await rig.quiet();
});

const lies: ReadonlyArray<Behaviour['begun']> = ['anew', 'repeats', 'skips', 'trims'];

for (const { first, second } of pairs) {
  for (const begun of lies) {
    test(`G17: an ${second} server behind an ${first} one that ${begun} is found out, and its client hears of it`, async (t) => {
      const rig = await openCarriedRig(t, {
        servers: [
          { type: first, behaviour: { begun } },
          { type: second, behaviour: { begun } },
        ],
      });
      for (const client of dialects) {
        rig.servers[0]?.scriptNext({ cutAfterChunks: 30 });
        const reply = await rig.ask(asked[client]);
        const read = readStream(client, reply);
        const { carriedOn, attempts = [], outcome } = await rig.row(reply);
        // A space that is lost where the answer was cut back is known to be there.
        if (begun === 'trims') {
          assert.deepEqual([read.text, read.ended, carriedOn?.length], [whole, true, 1]);
          continue;
        }
        assert.equal(read.text, chunks.slice(0, 30).join(''), 'nothing is made up');
        assert.deepEqual([read.ended, carriedOn, outcome], [false, undefined, 'failed']);
        assert.match(
          JSON.stringify(read.error),
          /it could not be gone on with: the next upstream did not go on/,
        );
        assert.deepEqual(new Set(attempts.map(({ code }) => code)), new Set(['not_continued']));
      }
      await rig.quiet();
    });
  }
}
