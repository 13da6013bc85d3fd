import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChatCall, Json, Message } from '../core/call.ts';
import type { ReplyFacts } from '../core/exchange.ts';
import { Failure } from '../core/failure.ts';
import { parseJsonBody } from './json-body.ts';
import { contextBytesMax, decodeContext, encodeContext, isGatewayContext } from './ollama-context.ts';
import { ollamaGenerate } from './ollama-generate.ts';

const parse = (body: object) =>
  ollamaGenerate.parse(parseJsonBody(Buffer.from(JSON.stringify({ model: 'm', ...body }))));
const factsOf = (call: ReplyFacts['call']): ReplyFacts => ({
  id: '01',
  call,
  model: 'm',
  wallMs: 0,
  elapsedMs: () => 1,
});

test('a question becomes a chat: system, then the prompt with its images', () => {
  const call = parse({
    prompt: 'What is this?',
    system: 'Be brief.',
    images: ['iVBORw0KGgo='],
    think: false,
  }) as ChatCall;
  assert.equal(call.kind, 'chat');
  assert.equal(call.wire.endpoint, 'generate');
  assert.equal(call.think, false);
  assert.deepEqual(call.messages, [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image', url: 'data:image/png;base64,iVBORw0KGgo=' },
      ],
    },
  ]);
});

test('raw, suffix and template ask to carry a text on; what only Ollama can do rides in extra', () => {
  const raw = parse({ prompt: '[INST] why [/INST]', raw: true, images: ['/9j/AA=='] });
  assert.ok(raw.kind === 'complete');
  assert.equal(raw.prompt, '[INST] why [/INST]');
  assert.deepEqual(raw.images, ['data:image/jpeg;base64,/9j/AA==']);
  assert.deepEqual(raw.extra, {});
  const infill = parse({ prompt: 'def f(', suffix: 'return 1' });
  assert.ok(infill.kind === 'complete' && infill.suffix === 'return 1');
  const templated = parse({
    prompt: 'x',
    template: '{{ .Prompt }}',
    system: 's',
    context: [1, 2],
    shift: true,
  });
  assert.ok(templated.kind === 'complete');
  assert.deepEqual(templated.extra, { shift: true, template: '{{ .Prompt }}', system: 's', context: [1, 2] });
});

test('the context of an answer carries the conversation into the next question', () => {
  const first = parse({ prompt: 'My name is Ada 🦊.', system: 'Be brief.' });
  const render = ollamaGenerate.openRenderer(factsOf(first));
  render({ type: 'text-delta', text: 'Hello ' });
  render({ type: 'text-delta', text: 'Ada.' });
  render({ type: 'choice-ended', stop: 'stop' });
  const last = JSON.parse(render({ type: 'reply-ended' }));
  assert.equal(last.response, '');
  assert.ok(last.context.every(Number.isSafeInteger));

  const remembered: readonly Message[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'My name is Ada 🦊.' },
    { role: 'assistant', content: 'Hello Ada.' },
  ];
  const second = parse({ prompt: 'What is my name?', context: last.context }) as ChatCall;
  assert.deepEqual(second.messages, [...remembered, { role: 'user', content: 'What is my name?' }]);
  assert.deepEqual(second.extra, {});

  const third = parse({ prompt: 'And now?', system: 'Be long.', context: last.context }) as ChatCall;
  assert.deepEqual(third.messages[0], { role: 'system', content: 'Be long.' });
  assert.equal(third.messages.length, 4);
});

test('a whole answer carries the same context as a streamed one', () => {
  const call = parse({ prompt: 'Hi', stream: false });
  const result = { kind: 'text', choices: [{ text: 'Hello', stop: 'stop' }], usage: undefined } as const;
  const body = JSON.parse(ollamaGenerate.renderResult(result, factsOf(call)));
  assert.equal(body.response, 'Hello');
  assert.deepEqual(decodeContext(body.context), [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
  ]);
  const raw = parse({ prompt: 'Hi', raw: true });
  assert.equal('context' in JSON.parse(ollamaGenerate.renderResult(result, factsOf(raw))), false);
});

test('token ids of a real Ollama stay in extra, and our own context goes with neither template nor suffix', () => {
  const call = parse({ prompt: 'x', context: [128006, 882, 128007] }) as ChatCall;
  assert.deepEqual(call.extra, { context: [128006, 882, 128007] });
  const ours = encodeContext([], 'x');
  assert.throws(() => parse({ prompt: 'x', context: ours, template: 't' }), { param: 'context' });
  assert.throws(() => parse({ prompt: 'x', context: ours, suffix: 's' }), { param: 'context' });
});

const texts = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed());
const turns = fc.array(
  fc.record(
    { role: fc.constantFrom('user' as const, 'assistant' as const, 'system' as const), content: texts },
    { noNullPrototype: true },
  ),
);

test('every conversation comes back from its context as it went in', () => {
  fc.assert(
    fc.property(turns, texts, (messages, answer) => {
      const context = encodeContext(messages, answer);
      assert.ok(isGatewayContext(context));
      assert.deepEqual(decodeContext(context), [...messages, { role: 'assistant', content: answer }]);
    }),
  );
});

test('a conversation that grew too long loses its oldest turns and keeps its system prompt', () => {
  const long = 'x'.repeat(contextBytesMax / 4);
  const messages: Message[] = [{ role: 'system', content: 'rule' }];
  for (let turn = 0; turn < 8; turn += 1) messages.push({ role: 'user', content: `${turn}${long}` });
  const kept = decodeContext(encodeContext(messages, 'answer'));
  assert.deepEqual(kept[0], { role: 'system', content: 'rule' });
  assert.deepEqual(kept.at(-1), { role: 'assistant', content: 'answer' });
  assert.deepEqual(
    kept.slice(1, -1).map(({ content }) => content[0]),
    ['5', '6', '7'],
  );
  const tooLong = encodeContext(messages, 'x'.repeat(contextBytesMax));
  assert.deepEqual(decodeContext(tooLong), [{ role: 'system', content: 'rule' }]);
});

test('a context that somebody changed is refused by name, whatever it holds', () => {
  const whole = encodeContext([{ role: 'user', content: 'hello there' }], 'hi') as readonly Json[];
  const number = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double());
  const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), to: number, cut: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(change, ({ at, to, cut }) => {
      const context = whole.with(at, to).slice(0, whole.length - cut);
      try {
        decodeContext(context);
      } catch (error) {
        assert.ok(error instanceof Failure && error.param === 'context', String(error));
      }
    }),
  );
  assert.throws(() => decodeContext([whole[0] ?? 0, 1e12]), { param: 'context' });
});
