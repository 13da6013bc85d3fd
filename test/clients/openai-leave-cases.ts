/** How OpenAI's own client leaves: whichever way, the server behind is let go of at once (G15). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APIUserAbortError } from 'openai';
import { begun, ended, type Fleet, type Kind, model } from './fleet-kinds.ts';

const endless = {
  model,
  messages: [{ role: 'user' as const, content: 'Write 6000 words' }],
  max_tokens: 6000,
};

type Leave = (fleet: Fleet) => Promise<void>;

const ways: readonly [name: string, leave: Leave][] = [
  [
    'breaking out of a stream',
    async ({ openai }) => {
      for await (const _ of await openai.chat.completions.create({ ...endless, stream: true })) break;
    },
  ],
  [
    'aborting a stream',
    async ({ openai }) => {
      const stream = await openai.chat.completions.create({ ...endless, stream: true });
      for await (const _ of stream) stream.controller.abort();
    },
  ],
  [
    'aborting a whole answer',
    async (fleet) => {
      const leaving = new AbortController();
      const asking = fleet.openai.chat.completions.create(endless, { signal: leaving.signal });
      await begun(fleet);
      leaving.abort();
      await assert.rejects(asking, APIUserAbortError);
    },
  ],
];

export function openaiLeaveCases(kind: Kind): void {
  for (const [name, leave] of ways) {
    test(`in front of ${kind.name}, ${name} ends the work behind`, async () => {
      // With one slot alone, nobody is served before it is free again.
      await using fleet = await kind.open({ ...kind.slow, upstream: { ...kind.slow.upstream, slots: 1 } });
      await leave(fleet);
      await ended(fleet, 'aborted');
      fleet.fake?.behave({ endless: false });
      const { choices } = await fleet.openai.chat.completions.create({ ...endless, max_tokens: 1 });
      assert.equal(choices.length, 1);
    });
  }
}
