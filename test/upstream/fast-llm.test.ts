import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { openFastLlm } from './fast-llm.ts';
import { ask, openRawClient } from './raw-client.ts';

async function start(
  t: TestContext,
  options: Partial<Parameters<typeof openFastLlm>[0]> = {},
): Promise<number> {
  const llm = await openFastLlm({ port: 0, events: 3, eventsPerSecond: 0, firstTokenMs: 0, ...options });
  t.after(() => llm.close());
  return llm.port;
}

const model = 'fake-model';
const messages = [{ role: 'user' as const, content: 'x' }];
const openaiOf = (port: number) =>
  new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'none', maxRetries: 0 });

test('the fast server gives the official clients whole answers of 0.6 KB, streams, usage and model lists', async (t) => {
  const port = await start(t);
  const client = openaiOf(port);
  const whole = await client.chat.completions.create({ model, messages });
  assert.match(whole.choices[0]?.message.content ?? '', /mill stream/);
  const texts: unknown[] = [];
  const stream = await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream)
    texts.push(chunk.choices[0]?.delta.content ?? chunk.usage?.completion_tokens);
  assert.deepEqual(texts, ['', ' word0', ' word1', ' word2', undefined, 3]);
  assert.equal((await client.models.list()).data[0]?.id, model);
  const { content } = await ask(port, '/v1/chat/completions', { model, messages });
  assert.ok(content.length > 500 && content.length < 700, `${content.length} bytes`);

  const ollama = new Ollama({ host: `http://127.0.0.1:${port}` });
  assert.match((await ollama.chat({ model, messages })).message.content, /mill stream/);
  const lines: string[] = [];
  for await (const line of await ollama.chat({ model, messages, stream: true }))
    lines.push(line.message.content);
  assert.deepEqual(lines, [' word0', ' word1', ' word2', '']);
  assert.equal((await ollama.list()).models[0]?.name, model);
  assert.equal((await ollama.version()).version, '0.31.0');
  assert.equal((await ask(port, '/')).content.toString(), 'Ollama is running');
  assert.equal((await fetch(`http://127.0.0.1:${port}/`, { method: 'HEAD' })).status, 200);
  assert.match((await ask(port, '/nothing')).head, /^HTTP\/1.1 404/);
});

test('the fast server reads bodies in pieces, chunked or not, on one connection', async (t) => {
  const client = openRawClient(await start(t));
  t.after(() => client.socket.destroy());
  const route = 'POST /v1/chat/completions HTTP/1.1\r\nhost: fast\r\n';
  client.socket.write(`${route}content-length: 20000\r\n\r\n{`);
  client.socket.write(' '.repeat(10_000));
  client.socket.write(' '.repeat(9_999));
  await client.received(500);
  const size = client.bytes().length;
  client.socket.write(`${route}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n`);
  client.socket.write('0\r\n\r\n');
  await client.received(2 * size);
  assert.equal(client.bytes().length, 2 * size);
});

test('the fast server paces its streams and sends each event by itself', async (t) => {
  const port = await start(t, { events: 4, eventsPerSecond: 50, firstTokenMs: 30 });
  const startedAt = performance.now();
  const { reads, body } = await ask(port, '/v1/chat/completions', { stream: true });
  assert.equal(body.toString().match(/^[1-9a-f][0-9a-f]*\r$/gm)?.length, 5, 'four texts and the end');
  const [first] = reads;
  const last = reads.at(-1);
  assert.ok(first && first.at - startedAt >= 29);
  assert.ok(last && last.at - startedAt >= 109, 'four gaps of 20 ms after the first event');
});

test('the fast server leaves nothing behind when clients leave amid a stream', async (t) => {
  const port = await start(t, { events: 5_000 });
  const client = openRawClient(port);
  client.send('/v1/chat/completions', { stream: true });
  await client.received(1_000);
  client.socket.destroy();
  assert.ok((await ask(port, '/v1/chat/completions', {})).isComplete);
});

const signals = ['SIGTERM', 'SIGINT'] as const;

for (const [index, options] of [[], ['--fast', '--events', '2']].entries()) {
  test(`serve.ts ${options.join(' ')} says where it listens, answers, and ends on a signal`, async (t) => {
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('./serve.ts', import.meta.url)),
      ...['--port', '0', '--first-token-ms', '1', ...options],
    ]);
    t.after(() => child.kill('SIGKILL'));
    const reply = await openaiOf(await portOf(child)).chat.completions.create({ model, messages });
    assert.ok(reply.choices[0]?.message.content);
    child.kill(signals[index]);
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });
}

async function portOf({ stdout }: ChildProcess): Promise<number> {
  assert.ok(stdout);
  const [line] = await once(createInterface(stdout), 'line');
  return Number(/^listening on http:\/\/127\.0\.0\.1:(\d+)$/.exec(line)?.[1]);
}
