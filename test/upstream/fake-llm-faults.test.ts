import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Agent, request as send } from 'undici';
import type { Behaviour } from './behaviour.ts';
import { type FakeLlm, openFakeLlm } from './fake-llm.ts';
import { ask, openRawClient } from './raw-client.ts';

async function start(t: TestContext, behaviour: Partial<Behaviour> = {}): Promise<FakeLlm> {
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  return llm;
}

const chatPath = '/v1/chat/completions';
const whole = { model: 'm', messages: [{ role: 'user', content: 'one two' }] };
const stream = { ...whole, stream: true };

/** The texts of the content chunks, which must all parse. */
function textsOf(content: Buffer): string[] {
  return content
    .toString()
    .split(/\r\n\r\n|\n\n|\r\r/)
    .filter((event) => event.startsWith('data: {'))
    .flatMap((event) => JSON.parse(event.slice(6)).choices?.[0]?.delta.content || []);
}

test('U9: without a fault a whole answer has its length and a stream is chunked, and both are complete', async (t) => {
  const llm = await start(t);
  const one = await ask(llm.port, chatPath, whole);
  assert.match(one.head, /content-length: \d+/);
  assert.deepEqual([one.isComplete, one.ending], [true, 'open']);
  const many = await ask(llm.port, chatPath, stream);
  assert.match(many.head, /transfer-encoding: chunked/i);
  assert.deepEqual([many.isComplete, many.ending], [true, 'open']);
  assert.deepEqual(textsOf(many.content), ['echo:', ' one', ' two']);
  // What is written in one turn is one chunk or several, as this Node has it.
  const chunks = many.body.toString().match(/^[0-9a-f]+\r$/gm) ?? [];
  assert.ok(chunks.length >= 4, 'a chunk for each text and the end');
});

test('the first token and the next ones come at their pace, and a whole answer takes as long as its stream', async (t) => {
  const llm = await start(t, { firstTokenMs: 60, tokensPerSecond: 25, chunks: ['a', 'b', 'c'] });
  const startedAt = performance.now();
  const { reads } = await ask(llm.port, chatPath, stream);
  const first = reads[0];
  const last = reads.at(-1);
  assert.ok(first && last && first.at - startedAt >= 59, 'the first byte waits for firstTokenMs');
  assert.ok(last.at - first.at >= 75, 'three chunks at 25 a second span two gaps of 40 ms');
  const beganAt = performance.now();
  await ask(llm.port, chatPath, whole);
  assert.ok(performance.now() - beganAt >= 135, '60 ms and two gaps');
});

test('U1: a cut at every byte of a stream delivers exactly the bytes before it and no end', async (t) => {
  const llm = await start(t, { id: 'fixed', chunks: ['é'] });
  const full = (await ask(llm.port, chatPath, stream)).content;
  assert.ok(full.length > 300);
  for (let bytes = 0; bytes <= full.length; bytes += 1) {
    llm.scriptNext({ cutAfterBytes: bytes });
    const { content, isComplete, ending, head } = await ask(llm.port, chatPath, stream);
    assert.match(head, /200 OK/);
    assert.ok(content.equals(full.subarray(0, bytes)), `cut after ${bytes}`);
    assert.deepEqual([isComplete, ending], [false, 'closed']);
  }
  llm.scriptNext({ cutAfterBytes: full.length + 1 });
  assert.ok((await ask(llm.port, chatPath, stream)).isComplete);
});

test('U9: a whole answer that is cut misses bytes of its declared length', async (t) => {
  const llm = await start(t, { cutAfterBytes: 10 });
  const { body, isComplete, ending } = await ask(llm.port, chatPath, whole);
  assert.deepEqual([body.length, isComplete, ending], [10, false, 'closed']);
});

test('U10: resets happen at connect, after the request, in the body and on reuse', async (t) => {
  const llm = await start(t);
  llm.scriptNext({ resetAfterBytes: 10 }, { resetAfterRequest: true });
  const inBody = await ask(llm.port, chatPath, whole);
  assert.deepEqual([inBody.body.length, inBody.ending], [10, 'reset']);
  const afterRequest = await ask(llm.port, chatPath, whole);
  assert.deepEqual([afterRequest.head, afterRequest.ending], ['', 'reset']);
  assert.equal(llm.requests.length, 2);

  llm.behave({ resetOnReuse: true });
  const agent = new Agent({ connections: 1 });
  t.after(() => agent.close());
  const post = () =>
    send(llm.url + chatPath, { method: 'POST', body: JSON.stringify(whole), dispatcher: agent });
  await (await post()).body.dump();
  await assert.rejects(post(), { code: 'ECONNRESET' });
  assert.equal(llm.requests.length, 4);

  llm.behave({ resetOnConnect: true });
  assert.equal((await ask(llm.port, '/api/version')).ending, 'reset');
  assert.equal(llm.requests.length, 4);
});

test('U2: a stall before the head accepts the request and sends not one byte', async (t) => {
  const llm = await start(t, { stallBeforeHead: true });
  const client = openRawClient(llm.port);
  client.send(chatPath, stream);
  const request = await llm.waitForRequest();
  await ask(llm.port, '/api/version');
  assert.equal(client.bytes().length, 0);
  assert.equal(request.firstByteAt, undefined);
  client.socket.destroy();
  await llm.waitForClose(request);
  assert.ok(request.aborted);
});

test('U4: silence begins after so many content chunks, with the head and the role before them', async (t) => {
  const llm = await start(t);
  for (const [stallAfterChunks, texts] of [
    [0, []],
    [2, ['echo:', ' one']],
    [3, ['echo:', ' one', ' two']],
  ] as const) {
    llm.behave({ stallAfterChunks });
    const client = openRawClient(llm.port);
    client.send(chatPath, stream);
    const request = await llm.waitForRequest();
    const sent = () =>
      client
        .bytes()
        .toString()
        .match(/"content":"[^"]/g)?.length ?? 0;
    while (sent() < texts.length || client.bytes().length === 0)
      await client.received(client.bytes().length + 1);
    // Another request gets its whole answer in this time, so the stream would have gone on.
    await ask(llm.port, '/api/version');
    client.socket.end();
    const reply = await client.reply();
    assert.deepEqual(textsOf(reply.content), texts);
    assert.match(reply.content.toString(), /"role":"assistant"/);
    assert.equal(reply.isComplete, false);
    await llm.waitForClose(request);
  }
});

test('U3: keep-alive alone sends comments for ever, and a trickle one byte at a time', async (t) => {
  const llm = await start(t, { keepAliveOnlyMs: 5 });
  const client = openRawClient(llm.port);
  client.send(chatPath, stream);
  await client.received(400);
  const body = client.bytes().toString().split('\r\n\r\n').slice(1).join('');
  assert.equal(body.replaceAll(/[0-9a-f]+\r\n: keep-alive\n\n(\r\n)?/g, ''), '');
  client.socket.destroy();

  llm.behave({ keepAliveOnlyMs: undefined, trickleMs: 10, framing: 'chunked', body: 'null' });
  const startedAt = performance.now();
  const { body: trickle } = await ask(llm.port, chatPath, whole);
  assert.equal(trickle.toString(), '1\r\nn\r\n1\r\nu\r\n1\r\nl\r\n1\r\nl\r\n0\r\n\r\n');
  assert.ok(performance.now() - startedAt >= 36, 'four bytes, 10 ms each');
});

test('U8: pieces of one byte arrive apart and join to the same text, split UTF-8 included', async (t) => {
  const llm = await start(t, { id: 'fixed', chunks: ['héllo', ' ☃'] });
  const plain = await ask(llm.port, chatPath, stream);
  llm.behave({ splitBytes: 1 });
  const split = await ask(llm.port, chatPath, stream);
  assert.deepEqual(split.content, plain.content);
  assert.ok(split.reads.length > 50, `${split.reads.length} reads`);
});

test('U8: line ends, byte order mark and comments change the bytes and not the meaning', async (t) => {
  const llm = await start(t);
  for (const lineEnding of ['\r\n', '\r'] as const) {
    llm.behave({ lineEnding });
    const { content } = await ask(llm.port, chatPath, stream);
    assert.deepEqual(textsOf(content), ['echo:', ' one', ' two']);
    assert.ok(content.toString().endsWith(`data: [DONE]${lineEnding}${lineEnding}`));
    if (lineEnding === '\r') assert.ok(!content.includes('\n'));
  }
  llm.behave({ lineEnding: '\n', bom: true, comments: true });
  const { content } = await ask(llm.port, chatPath, stream);
  assert.deepEqual([...content.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
  assert.equal(content.toString().match(/: comment\n\ndata: /g)?.length, 6);
});

test('U8, U18: events are malformed, errors come after content, end markers are missing or double', async (t) => {
  const llm = await start(t);
  const eventsOf = async (behaviour: Partial<Behaviour>) => {
    llm.scriptNext(behaviour);
    const { content, isComplete } = await ask(llm.port, chatPath, stream);
    assert.ok(isComplete, 'the HTTP body itself ends cleanly');
    return content.toString().trimEnd().split('\n\n');
  };
  const broken = (await eventsOf({ malformedEvent: 1 })).map((event) => {
    try {
      return event === 'data: [DONE]' || JSON.parse(event.slice(6)) !== undefined;
    } catch {
      return false;
    }
  });
  assert.deepEqual(broken, [true, true, false, true, true, true]);
  const failed = await eventsOf({ errorEventAfter: 2 });
  assert.equal(failed.length, 4);
  assert.match(failed.at(-1) ?? '', /^data: {"error":{"message":/);
  assert.doesNotMatch((await eventsOf({ endMarker: 'never' })).join(), /DONE/);
  assert.deepEqual((await eventsOf({ endMarker: 'twice' })).slice(-2), ['data: [DONE]', 'data: [DONE]']);
  assert.doesNotMatch((await eventsOf({ finishReason: null })).join(), /"finish_reason":"/);
  assert.match(
    (await eventsOf({ finishReason: 'content_filter' })).join(),
    /"finish_reason":"content_filter"/,
  );
});

test('U8: the same faults in an Ollama stream', async (t) => {
  const llm = await start(t);
  const linesOf = async (behaviour: Partial<Behaviour>) => {
    llm.scriptNext(behaviour);
    return (await ask(llm.port, '/api/chat', whole)).content.toString().trimEnd().split('\n');
  };
  assert.match((await linesOf({ errorEventAfter: 1 })).at(-1) ?? '', /^{"error":"/);
  assert.ok((await linesOf({ endMarker: 'never' })).every((line) => JSON.parse(line).done === false));
  const [, second] = await linesOf({ malformedEvent: 1 });
  assert.throws(() => JSON.parse(second ?? 'null'), SyntaxError);
  assert.equal(JSON.parse((await linesOf({ finishReason: null })).at(-1) ?? '').done_reason, undefined);
});

test('U7, U17: any status, header and body can stand in for an answer, and statuses have the error of the dialect', async (t) => {
  const llm = await start(t, { status: 429, headers: { 'retry-after': '5' } });
  const limited = await ask(llm.port, chatPath, stream);
  assert.match(limited.head, /^HTTP\/1.1 429 [\s\S]*retry-after: 5/);
  assert.equal(JSON.parse(limited.content.toString()).error.code, 'rate_limit_exceeded');
  const ollama = await ask(llm.port, '/api/chat', whole);
  assert.deepEqual(JSON.parse(ollama.content.toString()), { error: 'asked to answer 429' });
  assert.match((await ask(llm.port, '/api/tags')).head, /200 OK/, 'other paths are as always');
  llm.behave({ status: 500, only: /tags/ });
  assert.match((await ask(llm.port, '/api/tags')).head, /^HTTP\/1.1 500/);
  llm.behave({ status: 200, only: /chat/, body: '<html>', headers: { 'content-type': 'text/html' } });
  const html = await ask(llm.port, chatPath, stream);
  assert.match(html.head, /200 OK[\s\S]*content-type: text\/html/);
  assert.equal(html.content.toString(), '<html>');
});

test('U7: invalid UTF-8 stands before the first text', async (t) => {
  const llm = await start(t, { invalidUtf8: true });
  const { content } = await ask(llm.port, chatPath, whole);
  assert.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(content), TypeError);
  assert.ok(content.includes(Buffer.from([0xc3, 0x28])));
});

test('U9: lengths that lie and bodies that end with the connection', async (t) => {
  const llm = await start(t);
  for (const body of [whole, stream]) {
    const right = (await ask(llm.port, chatPath, body)).content.length;
    const declared = (head: string) => Number(/content-length: (\d+)/i.exec(head)?.[1]);
    llm.scriptNext(
      { framing: 'length-too-long' },
      { framing: 'length-too-short' },
      { framing: 'close-delimited' },
    );
    const long = await ask(llm.port, chatPath, body);
    assert.deepEqual([declared(long.head), long.body.length, long.ending], [right + 8, right, 'closed']);
    const short = await ask(llm.port, chatPath, body);
    assert.deepEqual([declared(short.head), short.body.length], [right - 8, right]);
    const closed = await ask(llm.port, chatPath, body);
    assert.doesNotMatch(closed.head, /content-length|transfer-encoding/i);
    assert.deepEqual([closed.body.length, closed.ending], [right, 'closed']);
  }
  llm.scriptNext({ framing: 'chunked' });
  const chunked = await ask(llm.port, chatPath, whole);
  assert.match(chunked.head, /transfer-encoding: chunked/i);
  assert.ok(JSON.parse(chunked.content.toString()).id);
});

test('U13: an endless stream repeats its texts until the client leaves, and an endless whole answer never begins', async (t) => {
  const llm = await start(t, { endless: true, chunks: ['again'] });
  const client = openRawClient(llm.port);
  client.send(chatPath, stream);
  await client.received(100_000);
  client.socket.destroy();
  const request = await llm.waitForRequest();
  await llm.waitForClose(request);
  assert.ok(request.aborted);
  const waiting = openRawClient(llm.port);
  waiting.send(chatPath, whole);
  await llm.waitForRequest();
  await ask(llm.port, '/api/version');
  assert.equal(waiting.bytes().length, 0);
  waiting.socket.destroy();
  assert.throws(() => llm.behave({ framing: 'length-too-long' }), TypeError);
});

test('U14: padding makes a huge valid body or one huge event, and with gzip a bomb', async (t) => {
  const bytes = 5_000_000;
  const llm = await start(t, { paddingBytes: bytes });
  const { content } = await ask(llm.port, '/api/generate', { model: 'm', prompt: 'x', stream: false });
  assert.equal(JSON.parse(content.toString()).response.length, bytes + 'echo: x'.length);
  llm.behave({ gzip: true });
  const bomb = await ask(llm.port, chatPath, stream);
  assert.match(bomb.head, /content-encoding: gzip/);
  assert.ok(bomb.content.length < bytes / 100, `${bomb.content.length} bytes on the wire`);
  assert.equal(textsOf(gunzipSync(bomb.content))[0]?.length, bytes + 'echo:'.length);
});

test('U18: the usage is what it is told to be, or absent', async (t) => {
  const llm = await start(t, { usage: { prompt: -5, completion: 1e15 } });
  const told = JSON.parse((await ask(llm.port, chatPath, whole)).content.toString());
  assert.deepEqual(told.usage, { prompt_tokens: -5, completion_tokens: 1e15, total_tokens: 1e15 - 5 });
  llm.behave({ usage: 'absent' });
  assert.equal(JSON.parse((await ask(llm.port, chatPath, whole)).content.toString()).usage, undefined);
  assert.doesNotMatch((await ask(llm.port, '/api/chat', whole)).content.toString(), /eval_count/);
});
