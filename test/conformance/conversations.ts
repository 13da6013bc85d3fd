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
const ada = { tenant: 'tenant', user: 'ada' };
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
    assert.deepEqual(await kept.read(ada, 'one'), []);
    await kept.append(ada, 'one', turn('1'));
    await kept.append(ada, 'one', turn('2'));
    assert.deepEqual(await kept.read(ada, 'one'), [...turn('1'), ...turn('2')]);
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
    await kept.append(ada, 'one', messages);
    assert.deepEqual(await kept.read(ada, 'one'), messages);
  });

  promise('what a caller does to its own list afterwards changes nothing', async () => {
    const { kept } = await open();
    const messages = turn('1');
    await kept.append(ada, 'one', messages);
    messages.push(user('not said'));
    assert.deepEqual(await kept.read(ada, 'one'), turn('1'));
  });

  promise(
    'everybody sees his own conversations alone, also within a tenant, however the names are spelt',
    async () => {
      const { kept } = await open();
      const owner = { tenant: 'a', user: 'b' };
      await kept.append(owner, 'c:d', turn('first'));
      for (const [tenant, user, id] of [
        ['a:b', 'c', 'd'],
        ['b', 'b', 'c:d'],
        ['', 'a:b', 'c:d'],
        ['a', 'b:c', 'd'],
        ['a', '', 'b:c:d'],
        ['a', 'c', 'c:d'],
        ['a', 'b', 'c'],
      ] as const) {
        assert.deepEqual(await kept.read({ tenant, user }, id), []);
        assert.equal(await kept.delete({ tenant, user }, id), false);
      }
      assert.deepEqual(await kept.read(owner, 'c:d'), turn('first'));
    },
  );

  promise('names that objects know are names like others', async () => {
    const { kept } = await open();
    for (const id of ['__proto__', 'constructor']) {
      const owner = { tenant: id, user: id };
      assert.deepEqual(await kept.read(owner, id), []);
      await kept.append(owner, id, turn(id));
      assert.deepEqual(await kept.read(owner, id), turn(id));
    }
  });

  promise('a deleted conversation is gone and begins anew', async () => {
    const { kept } = await open();
    await kept.append(ada, 'one', turn('1'));
    assert.equal(await kept.delete(ada, 'one'), true);
    assert.equal(await kept.delete(ada, 'one'), false);
    assert.deepEqual(await kept.read(ada, 'one'), []);
    await kept.append(ada, 'one', turn('2'));
    assert.deepEqual(await kept.read(ada, 'one'), turn('2'));
  });

  promise('it is kept for its time after the last turn, which reading does not lengthen', async () => {
    const { kept, advance } = await open({ ttlS: 60 });
    await kept.append(ada, 'one', turn('1'));
    await advance(50_000);
    await kept.append(ada, 'one', turn('2'));
    await advance(60_000 - suite.slackMs);
    assert.equal((await kept.read(ada, 'one')).length, 4);
    await advance(suite.slackMs);
    assert.deepEqual(await kept.read(ada, 'one'), []);
    assert.equal(await kept.delete(ada, 'one'), false);
    await kept.append(ada, 'one', turn('3'));
    assert.deepEqual(await kept.read(ada, 'one'), turn('3'));
  });

  promise('beyond its number of messages the oldest turns go, whole, and the rules stay', async () => {
    const { kept } = await open({ messagesMax: 5 });
    await kept.append(ada, 'one', [system('be brief'), ...turn('1')]);
    await kept.append(ada, 'one', turn('2'));
    assert.equal((await kept.read(ada, 'one')).length, 5);
    await kept.append(ada, 'one', turn('3'));
    assert.deepEqual(await kept.read(ada, 'one'), [system('be brief'), ...turn('2'), ...turn('3')]);
  });

  promise('a tool call and its results go with the question they belong to', async () => {
    const { kept } = await open({ messagesMax: 5 });
    const looked: Message[] = [
      user('look'),
      { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'look', arguments: '{}' }] },
      { role: 'tool', content: 'a cat', toolCallId: 'a' },
      assistant('a cat'),
    ];
    await kept.append(ada, 'one', looked);
    await kept.append(ada, 'one', turn('2'));
    assert.deepEqual(await kept.read(ada, 'one'), turn('2'));
  });

  promise('beyond its bytes the oldest turns go; what cannot fit at all is not kept', async () => {
    const { kept } = await open({ conversationBytesMax: 10 * 1024 });
    const long = (name: string) => [user(`${name}${kilobyte}`), assistant(kilobyte)];
    for (const name of ['1', '2', '3', '4', '5']) await kept.append(ada, 'one', long(name));
    const left = await kept.read(ada, 'one');
    assert.ok(left.length >= 2 && left.length < 10 && left.length % 2 === 0, `${left.length} messages`);
    assert.deepEqual(left.slice(-2), long('5'));
    await kept.append(ada, 'one', [user(kilobyte.repeat(20)), assistant('too much')]);
    assert.deepEqual(await kept.read(ada, 'one'), []);
  });

  promise('rules that come with every turn are kept once, and never more than fit', async () => {
    const { kept } = await open({ messagesMax: 7 });
    for (let count = 0; count < 100; count += 1)
      await kept.append(ada, 'one', [system('same'), ...turn(`${count}`)]);
    assert.deepEqual((await kept.read(ada, 'one'))[0], system('same'));
    assert.equal((await kept.read(ada, 'one')).length, 7);
    for (let count = 0; count < 100; count += 1)
      await kept.append(ada, 'one', [system(`${count}`), ...turn('x')]);
    assert.ok((await kept.read(ada, 'one')).length <= 7);
  });

  promise('beyond all their bytes together the conversations continued longest ago go first', async () => {
    const { kept } = await open({ bytesMax: 64 * 1024 });
    const read = async (id: string) => (await kept.read(ada, id)).length;
    await kept.append(ada, 'first', [user(kilobyte)]);
    await kept.append(ada, 'second', [user(kilobyte)]);
    await kept.append(ada, 'first', [assistant(kilobyte)]);
    for (let count = 0; (await read('second')) > 0; count += 1) {
      assert.ok(count < 100, 'nothing was ever given up');
      assert.equal(await read('first'), 2);
      await kept.append(ada, `other ${count}`, [user(kilobyte)]);
    }
    assert.equal(await read('first'), 2);
  });

  promise('what is kept of one is listed and erased, and nothing of others', async () => {
    const { kept } = await open();
    const others = [
      { tenant: 'tenant', user: '' },
      { tenant: 'tenant', user: 'ada2' },
      { tenant: 'other', user: 'ada' },
    ];
    const ids = Array.from({ length: 600 }, (_, index) => `c${index}`);
    for (const owner of [ada, ...others]) await kept.append(owner, 'one', turn(owner.tenant));
    for (let from = 0; from < ids.length; from += 25) {
      await Promise.all(ids.slice(from, from + 25).map((id) => kept.append(ada, id, turn(id))));
    }
    assert.deepEqual(
      await listed(kept, ada),
      ['one: asked tenant', ...ids.map((id) => `${id}: asked ${id}`)].sort(),
    );
    assert.equal(await kept.erase(ada), 601);
    assert.equal(await kept.erase(ada), 0);
    assert.deepEqual(await listed(kept, ada), []);
    assert.deepEqual(await kept.read(ada, 'one'), []);
    for (const owner of others) assert.equal((await kept.read(owner, 'one')).length, 2);
    assert.equal(await kept.erase({ tenant: 'tenant' }), 2);
    assert.deepEqual(await kept.read({ tenant: 'other', user: 'ada' }, 'one'), turn('other'));
  });
}

async function listed(kept: Conversations, owner: typeof ada): Promise<readonly string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await kept.list(owner, after);
    found.push(...page.conversations.map(({ id, messages }) => `${id}: ${messages[0]?.content}`));
    after = page.next;
  } while (after !== undefined);
  return found.sort();
}
