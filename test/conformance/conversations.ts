/** What every driver of `Conversations` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../src/core/call.ts';
import type { Conversations } from '../../src/core/ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createHeldClock } from '../held-clock.ts';

export interface ConversationBounds {
  readonly ttlS: number;
  readonly bytesMax: number;
  readonly messagesMax: number;
  readonly conversationBytesMax: number;
}

export type CreateConversations = (bounds: ConversationBounds, clock: Clock) => Conversations;

const roomy = { ttlS: 60, bytesMax: 1e9, messagesMax: 1000, conversationBytesMax: 1e8 };
const kilobyte = 'k'.repeat(1024);

export const user = (content: string): Message => ({ role: 'user', content });
export const assistant = (content: string): Message => ({ role: 'assistant', content });
const system = (content: string): Message => ({ role: 'system', content });
const turn = (name: string) => [user(`asked ${name}`), assistant(`answered ${name}`)];

export function conversationsConformance(driver: string, create: CreateConversations): void {
  const open = (bounds: Partial<ConversationBounds> = {}) => {
    const clock = createHeldClock();
    return { clock, kept: create({ ...roomy, ...bounds }, clock) };
  };
  const promise = (name: string, run: () => void) => test(`${driver}: ${name}`, run);

  promise('what was appended is read in order, and a conversation nobody began is empty', () => {
    const { kept } = open();
    assert.deepEqual(kept.read('tenant', 'one'), []);
    kept.append('tenant', 'one', turn('1'));
    kept.append('tenant', 'one', turn('2'));
    assert.deepEqual(kept.read('tenant', 'one'), [...turn('1'), ...turn('2')]);
  });

  promise('every kind of message comes back as it was', () => {
    const { kept } = open();
    const messages: Message[] = [
      { role: 'developer', content: 'rules' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is this?' },
          { type: 'image', url: 'data:image/png;base64,AAAA', detail: 'low' },
        ],
      },
      {
        role: 'assistant',
        content: '',
        reasoning: 'let me look',
        toolCalls: [{ id: 'a', name: 'look', arguments: '{"at":1}' }],
      },
      { role: 'tool', content: 'a cat', toolCallId: 'a', name: 'look' },
      assistant('A cat. \ud83d\ude00'),
    ];
    kept.append('tenant', 'one', messages);
    assert.deepEqual(kept.read('tenant', 'one'), messages);
  });

  promise('what a caller does to its own list afterwards changes nothing', () => {
    const { kept } = open();
    const messages = turn('1');
    kept.append('tenant', 'one', messages);
    messages.push(user('not said'));
    assert.deepEqual(kept.read('tenant', 'one'), turn('1'));
  });

  promise('a tenant sees its own conversations alone, however the names are spelt', () => {
    const { kept } = open();
    kept.append('a', 'b:c', turn('first'));
    for (const [tenant, id] of [
      ['a:b', 'c'],
      ['b', 'b:c'],
      ['', 'a:b:c'],
      ['a', 'b'],
    ] as const) {
      assert.deepEqual(kept.read(tenant, id), []);
      assert.equal(kept.delete(tenant, id), false);
    }
    assert.deepEqual(kept.read('a', 'b:c'), turn('first'));
  });

  promise('names that objects know are names like others', () => {
    const { kept } = open();
    for (const id of ['__proto__', 'constructor']) {
      assert.deepEqual(kept.read(id, id), []);
      kept.append(id, id, turn(id));
      assert.deepEqual(kept.read(id, id), turn(id));
    }
  });

  promise('a deleted conversation is gone and begins anew', () => {
    const { kept } = open();
    kept.append('tenant', 'one', turn('1'));
    assert.equal(kept.delete('tenant', 'one'), true);
    assert.equal(kept.delete('tenant', 'one'), false);
    assert.deepEqual(kept.read('tenant', 'one'), []);
    kept.append('tenant', 'one', turn('2'));
    assert.deepEqual(kept.read('tenant', 'one'), turn('2'));
  });

  promise('it is kept for its time after the last turn, which reading does not lengthen', () => {
    const { kept, clock } = open({ ttlS: 60 });
    kept.append('tenant', 'one', turn('1'));
    clock.advance(50_000);
    kept.append('tenant', 'one', turn('2'));
    clock.advance(59_999);
    assert.equal(kept.read('tenant', 'one').length, 4);
    clock.advance(1);
    assert.deepEqual(kept.read('tenant', 'one'), []);
    assert.equal(kept.delete('tenant', 'one'), false);
    kept.append('tenant', 'one', turn('3'));
    assert.deepEqual(kept.read('tenant', 'one'), turn('3'));
  });

  promise('beyond its number of messages the oldest turns go, whole, and the rules stay', () => {
    const { kept } = open({ messagesMax: 5 });
    kept.append('tenant', 'one', [system('be brief'), ...turn('1')]);
    kept.append('tenant', 'one', turn('2'));
    assert.equal(kept.read('tenant', 'one').length, 5);
    kept.append('tenant', 'one', turn('3'));
    assert.deepEqual(kept.read('tenant', 'one'), [system('be brief'), ...turn('2'), ...turn('3')]);
  });

  promise('a tool call and its results go with the question they belong to', () => {
    const { kept } = open({ messagesMax: 5 });
    const looked: Message[] = [
      user('look'),
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'look', arguments: '{}' }] },
      { role: 'tool', content: 'a cat', toolCallId: 'a' },
      assistant('a cat'),
    ];
    kept.append('tenant', 'one', looked);
    kept.append('tenant', 'one', turn('2'));
    assert.deepEqual(kept.read('tenant', 'one'), turn('2'));
  });

  promise('beyond its bytes the oldest turns go; what cannot fit at all is not kept', () => {
    const { kept } = open({ conversationBytesMax: 10 * 1024 });
    const long = (name: string) => [user(`${name}${kilobyte}`), assistant(kilobyte)];
    for (const name of ['1', '2', '3', '4', '5']) kept.append('tenant', 'one', long(name));
    const left = kept.read('tenant', 'one');
    assert.ok(left.length >= 2 && left.length < 10 && left.length % 2 === 0, `${left.length} messages`);
    assert.deepEqual(left.slice(-2), long('5'));
    kept.append('tenant', 'one', [user(kilobyte.repeat(20)), assistant('too much')]);
    assert.deepEqual(kept.read('tenant', 'one'), []);
  });

  promise('rules that come with every turn are kept once, and never more than fit', () => {
    const { kept } = open({ messagesMax: 7 });
    for (let count = 0; count < 100; count += 1)
      kept.append('tenant', 'one', [system('same'), ...turn(`${count}`)]);
    assert.deepEqual(kept.read('tenant', 'one')[0], system('same'));
    assert.equal(kept.read('tenant', 'one').length, 7);
    for (let count = 0; count < 100; count += 1)
      kept.append('tenant', 'one', [system(`${count}`), ...turn('x')]);
    assert.ok(kept.read('tenant', 'one').length <= 7);
  });

  promise('beyond all their bytes together the conversations continued longest ago go first', () => {
    const { kept } = open({ bytesMax: 64 * 1024 });
    const read = (id: string) => kept.read('tenant', id).length;
    kept.append('tenant', 'first', [user(kilobyte)]);
    kept.append('tenant', 'second', [user(kilobyte)]);
    kept.append('tenant', 'first', [assistant(kilobyte)]);
    for (let count = 0; read('second') > 0; count += 1) {
      assert.ok(count < 100, 'nothing was ever given up');
      assert.equal(read('first'), 2);
      kept.append('tenant', `other ${count}`, [user(kilobyte)]);
    }
    assert.equal(read('first'), 2);
  });
}
