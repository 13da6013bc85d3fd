// U7, U9, U13, U14: answers that are not what was asked for: refused in the client's dialect, never handed on as good.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { soaking, times } from '../soak.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import { type Call, type FaultRig, openFaultRig, until } from './rig.ts';

const calls: readonly Call[] = [
  { route: 'openai.chat' },
  { route: 'openai.chat', model: 'l' },
  { route: 'openai.chat', stream: true },
  { route: 'openai.chat', stream: true, model: 'l' },
  { route: 'openai.completions' },
  { route: 'openai.embeddings' },
  { route: 'ollama.chat', stream: false, model: 'l' },
  { route: 'ollama.chat', stream: true, model: 'o' },
  { route: 'ollama.generate', stream: false, model: 'l' },
  { route: 'ollama.embed', model: 'l' },
];

const html = '<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>';
const bodies: Readonly<Record<string, Partial<Behaviour>>> = {
  'a page': { body: html, headers: { 'content-type': 'text/html' } },
  'a page that claims to be JSON': { body: html },
  'broken JSON': { body: '{"choices":[{"message":' },
  'nothing at all': { body: '' },
  null: { body: 'null' },
  'a number': { body: '42' },
  'a text': { body: '"hello"' },
  'a list': { body: '[]' },
  'an empty object': { body: '{}' },
  'choices that are no list': { body: '{"choices":"a","data":"b","embeddings":7,"done":1}' },
  'entries that are null': { body: '{"choices":[null],"data":[null],"embeddings":[null]}' },
  'the wrong encoding': { gzip: true },
  'a redirect': { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
};

const attempts = { retries: { attempts: 1 } };
const label = (call: Call) => `${call.route}${call.stream === true ? ' stream' : ''} by ${call.model ?? 'o'}`;

/** Fails as the upstream's fault, with a status and a message of ours. */
function assertRefused(reply: RawReply, call: Call, what: string): void {
  const status = Number(reply.head.slice(9, 12));
  assert.ok(
    status === 502 || status === 504,
    `${label(call)}: ${what} is answered with ${reply.head.slice(0, 40)}`,
  );
  const { error } = JSON.parse(reply.content.toString());
  const message = call.route.startsWith('openai') ? error.message : error;
  assert.equal(typeof message, 'string', `${label(call)}: ${what}`);
  assert.ok(message.length < 1_000, 'what an upstream says is told in short');
}

test('U7: what is no answer is refused on every route, and counts as the upstream’s failure', async (t) => {
  const rig = await openFaultRig(t, { config: attempts });
  for (const [what, fault] of Object.entries(bodies)) {
    for (const call of calls) {
      rig.llm.scriptNext(fault);
      assertRefused(await rig.ask(call), call, what);
    }
  }
  await rig.quiet();
  const failed = Object.keys(bodies).length * calls.length;
  assert.equal(await rig.metric('millrace_exchanges_total', { outcome: 'failed' }), failed);
  assert.equal(await rig.metric('millrace_attempts_failed_total'), failed);
  assert.equal((await rig.ask({ route: 'openai.chat' })).head.slice(9, 12), '200');
});

test('U7: bytes that are not UTF-8 are refused, whole or streamed', async (t) => {
  const rig = await openFaultRig(t, { behaviour: { invalidUtf8: true }, config: attempts });
  for (const call of calls) {
    if (call.route.includes('embed')) continue;
    assertRefused(await rig.ask(call), call, 'invalid UTF-8');
  }
});

test('U7: another upstream answers in place of one that answers nonsense', async (t) => {
  const both = ['openai', 'ollama'].map((upstream) => ({ upstream, model: 'fake-model' }));
  for (const fault of Object.values(bodies)) {
    // A server that goes on like that would be left out.
    const rig = await openFaultRig(t, { config: { models: { o: { targets: both } } } });
    rig.llm.scriptNext(fault);
    assert.match((await rig.ask({ route: 'openai.chat' })).head, /^HTTP\/1\.1 200/);
  }
});

test('U7: whatever JSON comes, the client gets an answer or an error, and the gateway lives', async (t) => {
  const rig = await openFaultRig(t, { config: attempts });
  const check = async (call: Call, body: string) => {
    rig.llm.scriptNext({ body });
    const reply = await rig.ask(call);
    assert.ok(reply.isComplete);
    if (call.stream !== true) JSON.parse(reply.content.toString());
    const status = reply.head.slice(9, 12);
    assert.ok(status === '200' || status === '502', `${label(call)}: ${status} for ${body}`);
  };
  const answers = fc.oneof(fc.json({ maxDepth: 4 }), nearMiss());
  await fc.assert(fc.asyncProperty(fc.constantFrom(...calls), answers, check), {
    numRuns: times(1_200, 100_000),
    ...(soaking ? {} : { interruptAfterTimeLimit: 6_000 }),
  });
  await rig.quiet();
});

/** JSON that has the right keys and anything behind them. */
function nearMiss(): fc.Arbitrary<string> {
  const any = fc.jsonValue({ maxDepth: 3 });
  const message = fc.record(
    { role: any, content: any, tool_calls: any, reasoning: any },
    { requiredKeys: [] },
  );
  const choice = fc.record(
    { index: any, message: fc.oneof(message, any), text: any, finish_reason: any },
    { requiredKeys: [] },
  );
  return fc
    .record(
      {
        choices: fc.oneof(fc.array(choice, { maxLength: 2 }), any),
        data: fc.oneof(fc.array(fc.record({ embedding: any }), { maxLength: 2 }), any),
        embeddings: fc.oneof(fc.array(any, { maxLength: 2 }), any),
        message: fc.oneof(message, any),
        response: any,
        done: fc.oneof(fc.constant(true), any),
        usage: fc.oneof(fc.record({ prompt_tokens: any, completion_tokens: any }, { requiredKeys: [] }), any),
        error: any,
        eval_count: any,
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value));
}

test('U7: tool calls whose arguments are broken are refused where they are to be an object, whole or streamed', async (t) => {
  const rig = await openFaultRig(t, { config: attempts });
  const call = { id: 'a', type: 'function', function: { name: 'look', arguments: '{"where":' } };
  const message = { role: 'assistant', content: null, tool_calls: [call] };
  rig.llm.scriptNext({
    body: JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }),
  });
  const whole: Call = { route: 'ollama.chat', stream: false, model: 'o' };
  assertRefused(await rig.ask(whole), whole, 'half an argument');
  const delta = { role: 'assistant', tool_calls: [{ index: 0, ...call }] };
  const chunk = JSON.stringify({ choices: [{ index: 0, delta, finish_reason: 'tool_calls' }] });
  rig.llm.scriptNext({
    body: `data: ${chunk}\n\ndata: [DONE]\n\n`,
    headers: { 'content-type': 'text/event-stream' },
  });
  const reply = await rig.ask({ route: 'ollama.chat', stream: true, model: 'o' });
  assert.match(reply.content.toString(), /no JSON object/);
  await rig.quiet();
});

const lengths: Readonly<Record<string, Partial<Behaviour>>> = {
  'too long a length': { framing: 'length-too-long' },
  'too short a length': { framing: 'length-too-short' },
  'a cut body': { cutAfterBytes: 40 },
  'a cut body that ends with its connection': { framing: 'close-delimited', cutAfterBytes: 40 },
  'a cut chunk': { framing: 'chunked', cutAfterBytes: 40 },
  'a reset body': { resetAfterBytes: 40 },
};

test('U9, U10: a whole answer of another length than promised is an error, never an answer', async (t) => {
  const rig = await openFaultRig(t, { config: attempts });
  for (const [what, fault] of Object.entries(lengths)) {
    for (const call of calls.filter(({ stream }) => stream !== true)) {
      rig.llm.scriptNext(fault);
      assertRefused(await rig.ask(call), call, what);
    }
  }
});

test('U9: a whole answer that ends with its connection is whole when its JSON is', async (t) => {
  const rig = await openFaultRig(t, { behaviour: { framing: 'close-delimited' } });
  for (const call of calls) assert.match((await rig.ask(call)).head, /^HTTP\/1\.1 200/, label(call));
});

const asked = 20;
/** Servers may tell a token in several pieces: so many are let through. */
const piecesMost = (tokens: number) => tokens * 4 + 64;

test('U13: a model that does not stop at the tokens asked for is stopped', async (t) => {
  const rig = await openFaultRig(t, { behaviour: { endless: true, chunks: ['again '] } });
  const limited: readonly Call[] = [
    { route: 'openai.chat', stream: true, body: { max_tokens: asked } },
    { route: 'openai.chat', stream: true, model: 'l', body: { max_completion_tokens: asked } },
    { route: 'ollama.chat', stream: true, model: 'l', body: { options: { num_predict: asked } } },
    { route: 'ollama.generate', stream: true, model: 'l', body: { options: { num_predict: asked } } },
  ];
  for (const call of limited) {
    const reply = await rig.ask(call);
    const text = reply.content.toString();
    const words = text.split('again ').length - 1;
    assert.ok(words >= asked && words <= piecesMost(asked), `${label(call)}: ${words} words`);
    assert.match(text, /error/);
    const request = await rig.llm.waitForRequest(({ method }) => method === 'POST');
    await rig.llm.waitForClose(request);
  }
  await rig.quiet();
  const failed = { outcome: 'failed', code: 'response_too_large' };
  assert.equal(await rig.metric('millrace_exchanges_total', failed), limited.length);
});

test('U13: what was asked for, in whatever way, is not cut', async (t) => {
  const chunks = Array.from({ length: 60 }, () => 'word ');
  const rig = await openFaultRig(t, { behaviour: { chunks } });
  const generous: readonly Call[] = [
    { route: 'openai.chat', stream: true },
    { route: 'ollama.chat', stream: true, model: 'l', body: { options: { num_predict: -1 } } },
    { route: 'ollama.chat', stream: true, model: 'l', body: { options: { num_predict: -2 } } },
    { route: 'ollama.generate', stream: true, model: 'l', body: { options: { num_predict: -1 } } },
  ];
  for (const call of generous) {
    const reply = await rig.ask(call);
    assert.equal(reply.content.toString().split('word ').length - 1, chunks.length, label(call));
  }
});

test('U13: an honest stream of one-character pieces is not cut', async (t) => {
  const rig = await openFaultRig(t);
  const chunk = (choice: object) => `data: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`;
  const pieces = chunk({ delta: { content: 'a' } }).repeat(70);
  rig.llm.scriptNext({
    body: `${pieces}${chunk({ delta: {}, finish_reason: 'length' })}data: [DONE]\n\n`,
    headers: { 'content-type': 'text/event-stream' },
  });
  const reply = await rig.ask({ route: 'openai.chat', stream: true, body: { max_tokens: 16 } });
  assert.match(reply.content.toString(), /data: \[DONE\]\n\n$/);
  assert.doesNotMatch(reply.content.toString(), /error/);
});

test('U13: several answers at once may each be as long as asked for', async (t) => {
  const rig = await openFaultRig(t, { behaviour: { endless: true, chunks: ['again '] } });
  const several: readonly Call[] = [
    { route: 'openai.chat', stream: true, body: { max_tokens: asked, n: 3 } },
    { route: 'openai.completions', stream: true, body: { max_tokens: asked, prompt: ['a', 'b', 'c'] } },
  ];
  for (const call of several) {
    const words = (await rig.ask(call)).content.toString().split('again ').length - 1;
    assert.ok(words >= 3 * asked && words <= piecesMost(3 * asked), `${label(call)}: ${words} words`);
  }
});

test('U13: an endless stream without a limit ends by the total clock', async (t) => {
  const behaviour = { endless: true, tokensPerSecond: 200 };
  const rig = await openFaultRig(t, { behaviour, clocks: { totalMs: 400 } });
  const reply = await rig.ask({ route: 'openai.chat', stream: true });
  assert.match(reply.content.toString(), /"code":"total_timeout"/);
  await rig.quiet();
});

const mebibyte = 1024 * 1024;

test('U8, U14: an answer or an event without end is refused when it is too large, not when memory ends', async (t) => {
  const behaviour = { paddingBytes: 5 * 1024 * mebibyte };
  const rig = await openFaultRig(t, { behaviour, config: attempts });
  const before = process.memoryUsage.rss();
  for (const call of calls.filter(({ route }) => !route.includes('embed'))) {
    const reply = await rig.ask(call);
    assertRefused(reply, call, 'five gigabytes');
    const request = await rig.llm.waitForRequest(({ method }) => method === 'POST');
    await rig.llm.waitForClose(request);
    assert.ok(request.bytesSent < 64 * mebibyte, `${request.bytesSent} bytes were taken`);
  }
  const grown = (process.memoryUsage.rss() - before) / mebibyte;
  t.diagnostic(`RSS grew by ${grown.toFixed(0)} MiB`);
  assert.ok(grown < 160, `RSS grew by ${grown} MiB`);
  await until('the spool tells', async () => {
    const codes = rig.exchanges().map((row) => row.code);
    return codes.includes('response_too_large') && codes.includes('bad_upstream_response');
  });
});

test('U14: a gzip bomb is not unpacked', async (t) => {
  const behaviour = { gzip: true, paddingBytes: 1024 * mebibyte };
  const rig: FaultRig = await openFaultRig(t, { behaviour, config: attempts });
  for (const call of [{ route: 'openai.chat' }, { route: 'openai.chat', stream: true }] as const) {
    assertRefused(await rig.ask(call), call, 'a gzip bomb');
  }
});
