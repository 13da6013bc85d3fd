/** What every driver of `Conversations` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../src/core/call.ts';
import type { Conversations } from '../../src/core/ports.ts';

export interface ConversationBounds {
  readonly ttlS: number;
  readonly bytesMax: number;
  readonly messagesMax: number;
  readonly conversationBytesMax: number;
}

/** With nothing kept yet. */
export type OpenConversations = (bounds: ConversationBounds) => Opened | Promise<Opened>;

export interface Opened {
  readonly conversations: Conversations;
  advance(ms: number): void | Promise<void>;
}

export interface ConversationsSuite {
  readonly driver: string;
  readonly open: OpenConversations;
  /** Around the moment at which one dies, where time passes by itself. */
  readonly slackMs: number;
}

const roomy = { ttlS: 60, bytesMax: 1e9, messagesMax: 1000, conversationBytesMax: 1e8 };
const kilobyte = 'k'.repeat(1024);

export const user = (content: string): Message => ({ role: 'user', content });
export const assistant = (content: string): Message => ({ role: 'assistant', content });
const system = (content: string): Message => ({ role: 'system', content });
const turn = (name: string) => [user(`asked ${name}`), assistant(`answered ${name}`)];

export function conversationsConformance(suite: ConversationsSuite): void {
  const open = async (bounds: Partial<ConversationBounds> = {}) => {
    const { conversations: kept, advance } = await suite.open({ ...roomy, ...bounds });
    return { kept, advance };
  };
  const promise = (name: string, run: () => Promise<void>) => test(`${suite.driver}: ${name}`, run);

  promise('what was appended is read in order, and a conversation nobody began is empty', async () => {
    const { kept } = await open();
    assert.deepEqual(await kept.read('tenant', 'one'), []);
    await kept.append('tenant', 'one', turn('1'));
    await kept.append('tenant', 'one', turn('2'));
    assert.deepEqual(await kept.read('tenant', 'one'), [...turn('1'), ...turn('2')]);
  });

  promise('every kind of message comes back as it was', async () => {
    const { kept } = await open();
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
    await kept.append('tenant', 'one', messages);
    assert.deepEqual(await kept.read('tenant', 'one'), messages);
  });

  promise('what a caller does to its own list afterwards changes nothing', async () => {
    const { kept } = await open();
    const messages = turn('1');
    await kept.append('tenant', 'one', messages);
    messages.push(user('not said'));
    assert.deepEqual(await kept.read('tenant', 'one'), turn('1'));
  });

  promise('a tenant sees its own conversations alone, however the names are spelt', async () => {
    const { kept } = await open();
    await kept.append('a', 'b:c', turn('first'));
    for (const [tenant, id] of [
      ['a:b', 'c'],
      ['b', 'b:c'],
      ['', 'a:b:c'],
      ['a', 'b'],
    ] as const) {
      assert.deepEqual(await kept.read(tenant, id), []);
      assert.equal(await kept.delete(tenant, id), false);
    }
    assert.deepEqual(await kept.read('a', 'b:c'), turn('first'));
  });

  promise('names that objects know are names like others', async () => {
    const { kept } = await open();
    for (const id of ['__proto__', 'constructor']) {
      assert.deepEqual(await kept.read(id, id), []);
      await kept.append(id, id, turn(id));
      assert.deepEqual(await kept.read(id, id), turn(id));
    }
  });

  promise('a deleted conversation is gone and begins anew', async () => {
    const { kept } = await open();
    await kept.append('tenant', 'one', turn('1'));
    assert.equal(await kept.delete('tenant', 'one'), true);
    assert.equal(await kept.delete('tenant', 'one'), false);
    assert.deepEqual(await kept.read('tenant', 'one'), []);
    await kept.append('tenant', 'one', turn('2'));
    assert.deepEqual(await kept.read('tenant', 'one'), turn('2'));
  });

  promise('it is kept for its time after the last turn, which reading does not lengthen', async () => {
    const { kept, advance } = await open({ ttlS: 60 });
    await kept.append('tenant', 'one', turn('1'));
    await advance(50_000);
    await kept.append('tenant', 'one', turn('2'));
    await advance(60_000 - suite.slackMs);
    assert.equal((await kept.read('tenant', 'one')).length, 4);
    await advance(suite.slackMs);
    assert.deepEqual(await kept.read('tenant', 'one'), []);
    assert.equal(await kept.delete('tenant', 'one'), false);
    await kept.append('tenant', 'one', turn('3'));
    assert.deepEqual(await kept.read('tenant', 'one'), turn('3'));
  });

  promise('beyond its number of messages the oldest turns go, whole, and the rules stay', async () => {
    const { kept } = await open({ messagesMax: 5 });
    await kept.append('tenant', 'one', [system('be brief'), ...turn('1')]);
    await kept.append('tenant', 'one', turn('2'));
    assert.equal((await kept.read('tenant', 'one')).length, 5);
    await kept.append('tenant', 'one', turn('3'));
    assert.deepEqual(await kept.read('tenant', 'one'), [system('be brief'), ...turn('2'), ...turn('3')]);
  });

  promise('a tool call and its results go with the question they belong to', async () => {
    const { kept } = await open({ messagesMax: 5 });
    const looked: Message[] = [
      user('look'),
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'look', arguments: '{}' }] },
      { role: 'tool', content: 'a cat', toolCallId: 'a' },
      assistant('a cat'),
    ];
    await kept.append('tenant', 'one', looked);
    await kept.append('tenant', 'one', turn('2'));
    assert.deepEqual(await kept.read('tenant', 'one'), turn('2'));
  });

  promise('beyond its bytes the oldest turns go; what cannot fit at all is not kept', async () => {
    const { kept } = await open({ conversationBytesMax: 10 * 1024 });
    const long = (name: string) => [user(`${name}${kilobyte}`), assistant(kilobyte)];
    for (const name of ['1', '2', '3', '4', '5']) await kept.append('tenant', 'one', long(name));
    const left = await kept.read('tenant', 'one');
    assert.ok(left.length >= 2 && left.length < 10 && left.length % 2 === 0, `${left.length} messages`);
    assert.deepEqual(left.slice(-2), long('5'));
    await kept.append('tenant', 'one', [user(kilobyte.repeat(20)), assistant('too much')]);
    assert.deepEqual(await kept.read('tenant', 'one'), []);
  });

  promise('rules that come with every turn are kept once, and never more than fit', async () => {
    const { kept } = await open({ messagesMax: 7 });
    for (let count = 0; count < 100; count += 1)
      await kept.append('tenant', 'one', [system('same'), ...turn(`${count}`)]);
    assert.deepEqual((await kept.read('tenant', 'one'))[0], system('same'));
    assert.equal((await kept.read('tenant', 'one')).length, 7);
    for (let count = 0; count < 100; count += 1)
      await kept.append('tenant', 'one', [system(`${count}`), ...turn('x')]);
    assert.ok((await kept.read('tenant', 'one')).length <= 7);
  });

  promise('beyond all their bytes together the conversations continued longest ago go first', async () => {
    const { kept } = await open({ bytesMax: 64 * 1024 });
    const read = async (id: string) => (await kept.read('tenant', id)).length;
    await kept.append('tenant', 'first', [user(kilobyte)]);
    await kept.append('tenant', 'second', [user(kilobyte)]);
    await kept.append('tenant', 'first', [assistant(kilobyte)]);
    for (let count = 0; (await read('second')) > 0; count += 1) {
      assert.ok(count < 100, 'nothing was ever given up');
      assert.equal(await read('first'), 2);
      await kept.append('tenant', `other ${count}`, [user(kilobyte)]);
    }
    assert.equal(await read('first'), 2);
  });
}
