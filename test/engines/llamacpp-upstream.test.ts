/** A real llama.cpp behind the whole gateway: one model through three APIs, and what happens when it dies. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { type TestContext, test } from 'node:test';
import { APIError, InternalServerError } from 'openai';
import type { Failure } from '../../src/core/failure.ts';
import { openLlamacpp } from '../../src/engines/llamacpp.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { collect, type Fleet, model } from '../clients/fleet-kinds.ts';
import { createHeldClock } from '../held-clock.ts';
import { installEngine } from './install-engine.ts';
import { llamacpp } from './llamacpp-kind.ts';

const content = 'Tell me of rivers';
const messages = [{ role: 'user' as const, content }];
const asked = { model, messages, temperature: 0, max_tokens: 20 };

test('one model gives one answer through the OpenAI, Ollama and simple APIs', async () => {
  await using fleet = await llamacpp.open();
  const openai = await fleet.openai.chat.completions.create(asked);
  const text = openai.choices[0]?.message.content ?? '';
  assert.equal(text.length, 20);

  const options = { temperature: 0, num_predict: 20 };
  const ollama = await fleet.ollama.chat({ model, messages, options });
  assert.equal(ollama.message.content, text);
  assert.equal(ollama.prompt_eval_count, openai.usage?.prompt_tokens);
  assert.equal((await fleet.ollama.generate({ model, prompt: content, options })).response, text);

  const limits = { max_tokens: 20, temperature: 0 };
  assert.equal((await simple(fleet, '/generate', { prompt: content, ...limits })).response, text);
  assert.equal((await simple(fleet, '/api/v1/complete', { query: content, ...limits })).response, text);
  const talk = await simple(fleet, '/chat', { message: content, ...limits });
  assert.equal(talk.response, text);
  assert.equal(await tokens(fleet, { query: content, ...limits }), text);

  const vectors = (await fleet.openai.embeddings.create({ model, input: content })).data[0]?.embedding;
  const plain = await simple(fleet, '/embeddings', { text: content, encoding_format: 'float' });
  const other = (await fleet.ollama.embed({ model, input: content })).embeddings[0];
  assert.deepEqual(plain.data?.[0]?.embedding, other);
  assert.deepEqual(vectors, Array.from(Float32Array.from(other ?? [])));
});

test('a conversation that the gateway keeps is what the model reads', async () => {
  await using fleet = await llamacpp.open();
  const limits = { max_tokens: 8, temperature: 0 };
  const first = await simple(fleet, '/chat', { message: content, ...limits });
  const { conversation_id } = first;
  const second = await simple(fleet, '/chat', { message: 'And lakes?', conversation_id, ...limits });
  const whole = await fleet.openai.chat.completions.create({
    ...asked,
    max_tokens: 8,
    messages: [
      ...messages,
      { role: 'assistant', content: first.response },
      { role: 'user', content: 'And lakes?' },
    ],
  });
  assert.equal(second.response, whole.choices[0]?.message.content);
});

test('options that Ollama’s clients send act on the engine, and those it has no word for are named', async () => {
  await using fleet = await llamacpp.open();
  const ask = async (options: object) => {
    const response = await fetch(`${fleet.gateway.url}/k/${fleet.gateway.key}/api/chat`, {
      method: 'POST',
      body: JSON.stringify({ model, messages, stream: false, options: { num_predict: 60, ...options } }),
    });
    const { message } = (await response.json()) as { message: { content: string } };
    return { text: message.content, warning: response.headers.get('x-millrace-warning') };
  };
  const cold = await ask({ temperature: 0 });
  assert.equal(cold.warning, null);
  const stopped = await ask({ temperature: 0, stop: [cold.text.slice(10, 12)] });
  assert.equal(stopped.text, cold.text.slice(0, cold.text.indexOf(cold.text.slice(10, 12))));
  const punished = await ask({ temperature: 0, frequency_penalty: 2 });
  assert.ok(new Set(punished.text).size > new Set(cold.text).size);
  const drawn = await ask({ temperature: 1, seed: 5 });
  assert.equal((await ask({ temperature: 1, seed: 5 })).text, drawn.text);
  assert.match((await ask({ num_ctx: 512 })).warning ?? '', /options\.num_ctx/);
});

test('an engine that is killed in the middle of a stream is an honest error, and serves again later', async (t) => {
  const children = watchChildren(t);
  // It stands: a busy machine may take longer for what follows than the engine waits before it begins anew.
  let nowMs = systemClock.now();
  const clock = { ...systemClock, now: () => nowMs };
  await using fleet = await llamacpp.open({ clock });
  const stream = await fleet.openai.chat.completions.create({ ...asked, max_tokens: 1900, stream: true });
  const [child] = children;
  assert.ok(child !== undefined);
  const gone = once(child, 'close');
  let said = '';
  const failure = await failureOf(
    (async () => {
      for await (const chunk of stream) {
        if (said === '') child.kill('SIGKILL');
        said += chunk.choices[0]?.delta.content ?? '';
      }
    })(),
  );
  assert.ok(said.length > 0 && said.length < 1900);
  assert.equal(failure.code, 'upstream_cut');

  // Its connections break a moment before the system tells that it ended.
  await gone;
  const early = await failureOf(fleet.openai.chat.completions.create(asked));
  assert.ok(early instanceof InternalServerError);
  assert.match(early.message, /llama\.cpp ended, and is not started again yet/);
  assert.equal(children.length, 1);

  nowMs += 6_000;
  const { choices } = await fleet.openai.chat.completions.create(asked);
  assert.equal(choices[0]?.message.content?.length, 20);
  assert.equal(children.length, 2);
});

test('closing the gateway ends the child, busy or not, and starts no other', async (t) => {
  const children = watchChildren(t);
  const fleet = await llamacpp.open();
  const stream = await fleet.openai.chat.completions.create({ ...asked, max_tokens: 1900, stream: true });
  const reading = collect(stream).catch((thrown: unknown) => thrown);
  const [child] = children;
  assert.ok(child !== undefined);
  const gone = once(child, 'exit');
  await fleet[Symbol.asyncDispose]();
  await gone;
  await reading;
  assert.equal(children.length, 1);
});

test('closing while the model still loads ends the child as well', async (t) => {
  const children = watchChildren(t);
  const fleet = await llamacpp.open();
  const asking = failureOf(fleet.openai.withOptions({ maxRetries: 0 }).chat.completions.create(asked));
  await fleet[Symbol.asyncDispose]();
  const [child] = children;
  assert.ok(child !== undefined && (child.exitCode !== null || child.signalCode !== null));
  await asking.catch(() => undefined);
});

test('an upstream that a reload takes away ends its child', async (t) => {
  const children = watchChildren(t);
  await using fleet = await llamacpp.open();
  await fleet.openai.chat.completions.create(asked);
  const [child] = children;
  assert.ok(child !== undefined);
  const gone = once(child, 'exit');
  await fleet.gateway.reload({ upstreams: { sim: { type: 'simulator' } } });
  await gone;
});

test('a file that is not there is told to whoever asks for the model', async () => {
  await installEngine();
  await using fleet = await llamacpp.open({ upstream: { file: './no-such-model.gguf' } });
  const failure = await failureOf(fleet.openai.chat.completions.create(asked));
  assert.ok(failure instanceof InternalServerError);
  assert.equal(failure.status, 502);
  assert.equal(failure.code, 'connect_failed');
  assert.match(failure.message, /llama\.cpp could not serve the model: .*no-such-model\.gguf/);
});

test('an engine that cannot be started again fails who asks for it, as one that is not there', async (t) => {
  const children = watchChildren(t);
  const clock = createHeldClock();
  const engine = openLlamacpp({ file: './no-such-model.gguf', slots: 1, contextSize: 64 }, clock);
  const [child] = children;
  assert.ok(child !== undefined);
  await once(child, 'close');
  clock.advance(6_000);
  const before = tmpdir();
  t.after(() => {
    process.env['TMPDIR'] = before;
  });
  process.env['TMPDIR'] = '/no/such/folder';
  const { code, message } = await new Promise<Failure>((fail) => {
    const nothing = () => {};
    const receiver = { sent: nothing, head: nothing, data: nothing, end: nothing, fail };
    engine.send({ method: 'POST', path: '/completions', headers: [] }, receiver);
  });
  assert.equal(code, 'connect_failed');
  assert.match(message, /llama\.cpp could not be started again/);
});

/** The child processes that begin from now on. */
function watchChildren(t: TestContext): readonly ChildProcess[] {
  const children: ChildProcess[] = [];
  const note = (message: unknown) => void children.push((message as { process: ChildProcess }).process);
  subscribe('child_process', note);
  t.after(() => unsubscribe('child_process', note));
  return children;
}

interface SimpleReply {
  readonly response: string;
  readonly conversation_id?: string;
  readonly data?: readonly { readonly embedding: readonly number[] }[];
}

async function simple(fleet: Fleet, path: string, body: object): Promise<SimpleReply> {
  const response = await post(fleet, path, body);
  assert.equal(response.status, 200);
  return (await response.json()) as SimpleReply;
}

/** The tokens of `/api/v1/stream`, joined. */
async function tokens(fleet: Fleet, body: object): Promise<string> {
  const events = (await (await post(fleet, '/api/v1/stream', body)).text()).trimEnd().split('\n\n');
  assert.equal(events.pop(), 'data: [DONE]');
  return events.map((event) => (JSON.parse(event.slice(6)) as { token: string }).token).join('');
}

function post({ gateway }: Fleet, path: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${gateway.key}` };
  return fetch(gateway.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function failureOf(asking: PromiseLike<unknown>): Promise<APIError> {
  try {
    await asking;
  } catch (thrown) {
    assert.ok(thrown instanceof APIError, String(thrown));
    return thrown;
  }
  assert.fail('it was answered');
}
