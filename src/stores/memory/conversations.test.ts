import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assistant, conversationsConformance, user } from '../../../test/conformance/conversations.ts';
import { createHeldClock } from '../../../test/held-clock.ts';
import type { Message } from '../../core/call.ts';
import { createMemoryConversations } from './conversations.ts';

const ada = { tenant: 't', user: 'ada' };

conversationsConformance({
  driver: 'memory',
  open: (bounds) => {
    const clock = createHeldClock();
    return { conversations: createMemoryConversations(bounds, clock), advance: (ms) => clock.advance(ms) };
  },
  slackMs: 1,
});

test('the dead leave their room to the living, without a timer', () => {
  const clock = createHeldClock();
  const bounds = { ttlS: 10, bytesMax: 5_000, messagesMax: 10, conversationBytesMax: 5_000 };
  const kept = createMemoryConversations(bounds, clock);
  const text = 'x'.repeat(900);
  kept.append(ada, 'dead', [user(text)]);
  kept.append(ada, 'dead too', [user(text)]);
  clock.advance(5_000);
  kept.append(ada, 'alive', [user(text)]);
  clock.advance(5_000);
  kept.append(ada, 'new', [user(text)]);
  assert.equal(kept.read(ada, 'alive').length, 1);
  assert.equal(kept.read(ada, 'new').length, 1);
  assert.equal(clock.pending, 0);
});

test('whatever is said, a conversation stays within its bounds, ends with what was said last and begins with a question', () => {
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant'),
    content: fc.string({ maxLength: 200 }),
  });
  const batches = fc.array(fc.array(message as fc.Arbitrary<Message>, { minLength: 1, maxLength: 6 }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 12 }), (said, messagesMax) => {
      const bounds = { ttlS: 60, bytesMax: 1e6, messagesMax, conversationBytesMax: 4_000 };
      const kept = createMemoryConversations(bounds, createHeldClock());
      let before: readonly Message[] = [];
      for (const batch of said) {
        kept.append(ada, 'one', batch);
        const all = [...before, ...batch];
        const left = kept.read(ada, 'one');
        assert.ok(left.length <= messagesMax);
        assert.deepEqual(left, all.slice(all.length - left.length));
        if (left.length < all.length && left.length > 0) assert.equal(left[0]?.role, 'user');
        before = left;
      }
    }),
  );
});

test('an answer nobody asked for is kept as it is', () => {
  const bounds = { ttlS: 60, bytesMax: 1e6, messagesMax: 4, conversationBytesMax: 4_000 };
  const kept = createMemoryConversations(bounds, createHeldClock());
  kept.append(ada, 'one', [assistant('hello')]);
  assert.deepEqual(kept.read(ada, 'one'), [assistant('hello')]);
});
