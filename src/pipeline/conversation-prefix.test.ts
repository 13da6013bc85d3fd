import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCall, Message } from '../core/call.ts';
import { conversationPrefix } from './conversation-prefix.ts';

const wire = {
  dialect: 'openai',
  endpoint: 'chat',
  bytes: new Uint8Array(),
  spans: new Map(),
  value: {},
} as const;

function prefixOf(...messages: readonly (readonly [Message['role'], Message['content']])[]): number {
  const call: ChatCall = {
    kind: 'chat',
    wire,
    model: 'm',
    stream: false,
    sampling: {},
    engine: {},
    wantsUsage: false,
    extra: {},
    messages: messages.map(([role, content]) => ({ role, content })),
  };
  return conversationPrefix(call);
}

const system = ['system', 'You are helpful. '.repeat(100)] as const;
const asked = ['user', 'Why is the sky blue?'] as const;
const answered = ['assistant', 'Because of Rayleigh scattering.'] as const;

test('all turns of a conversation after the first have the same prefix', () => {
  const second = prefixOf(system, asked, answered, ['user', 'And at night?']);
  assert.notEqual(second, 0);
  const third = prefixOf(
    system,
    asked,
    answered,
    ['user', 'And at night?'],
    ['assistant', 'Dark.'],
    ['user', 'Why?'],
  );
  assert.equal(third, second);
});

test('a shared system prompt stands for no conversation, and other conversations have other prefixes', () => {
  assert.equal(prefixOf(system, asked), 0);
  assert.equal(prefixOf(asked), 0);
  assert.equal(prefixOf(system, asked, ['assistant', 'Because']), 0, 'an answer that is to be gone on with');
  const one = prefixOf(system, asked, answered, asked);
  assert.notEqual(prefixOf(system, ['user', 'Why is grass green?'], answered, asked), one);
  assert.notEqual(prefixOf(system, asked, ['assistant', 'I do not know.'], asked), one);
  assert.notEqual(prefixOf(['user', system[1]], asked, answered, asked), one, 'roles count');
});

test('what is in parts counts as well', () => {
  const picture = { type: 'image', url: 'data:image/png;base64,AAAA' } as const;
  const shown = prefixOf(['user', [{ type: 'text', text: 'What is this?' }, picture]], answered, asked);
  assert.notEqual(shown, 0);
  assert.notEqual(
    prefixOf(['user', [{ type: 'text', text: 'What is that?' }, picture]], answered, asked),
    shown,
  );
});
