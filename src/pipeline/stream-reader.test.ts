/** A stream whose meter has to ask somebody else: what may be passed on meanwhile, and in which order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { StreamMeter } from '../core/budget.ts';
import type { Bound } from '../core/exchange.ts';
import { Signal } from '../core/signal.ts';
import type { Outcome, Reply, StreamSource } from '../core/stage.ts';
import { Trail } from '../core/trail.ts';
import type { Flow, Receiver, Transport } from '../core/transport.ts';
import { systemClock as clock } from '../lib/clock.ts';
import { parseJsonBody } from '../protocol/json-body.ts';
import { openaiChat } from '../protocol/openai-chat.ts';
import { openaiVoice } from '../protocol/openai-voice.ts';
import { openaiAdapter } from '../providers/openai/adapter.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { dispatch } from './dispatch.ts';

/** Lets so many tokens pass, and then asks: the test answers. */
class AskingMeter implements StreamMeter {
  carryOn(): void {}
  #allowed: number;
  #seen = 0;
  #asked: PromiseWithResolvers<void> | undefined;

  constructor(allowed: number) {
    this.#allowed = allowed;
  }

  open(): void {}

  bound(): undefined {}

  count(tokens: number) {
    if (this.#seen >= this.#allowed && this.#asked === undefined) return 'spent';
    this.#seen = tokens;
    if (tokens >= this.#allowed) this.#asked ??= Promise.withResolvers<void>();
    return undefined;
  }

  get waiting(): Promise<void> | undefined {
    return this.#asked?.promise;
  }

  async answer(more: number): Promise<void> {
    this.#allowed += more;
    this.#asked?.resolve();
    this.#asked = undefined;
    await endOfTurn();
  }
}

const content = (text: string) => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;
const ending = `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`;

async function open(meter: StreamMeter, stream = true) {
  const flowed: string[] = [];
  const flow: Flow = {
    pause: () => flowed.push('pause'),
    resume: () => flowed.push('resume'),
    abort: () => flowed.push('abort'),
  };
  let upstream: Receiver | undefined;
  const transport: Transport = {
    send: (_request, receiver) => {
      upstream = receiver;
      receiver.sent();
      return flow;
    },
    close: () => Promise.resolve(),
  };
  const dispatched = dispatch({
    clock,
    health: { isSilent: () => false },
    written: () => Promise.resolve(),
    underWay: new CallsUnderWay(),
    answerBytesMax: 1e6,
    eventBytesMax: 1e6,
  })(exchangeOf(transport, meter, stream));
  assert.ok(upstream !== undefined);
  upstream.head(200, { 'content-type': 'text/event-stream' });
  const send = (text: string) => upstream?.data(Buffer.from(text));
  return { flowed, upstream, send, dispatched };
}

function exchangeOf(transport: Transport, meter: StreamMeter, stream: boolean): Bound {
  const upstream = {
    name: 'up',
    adapter: openaiAdapter,
    transport,
    identity: 'up',
    slots: 1,
    slotsAssumed: false,
    loadsModels: false,
    secrets: [],
  };
  const body = parseJsonBody(
    Buffer.from(`{"model":"m","stream":${stream},"messages":[{"role":"user","content":"hi"}]}`),
  );
  const clocks = { connectMs: 1e6, firstTokenMs: 1e6, loadMs: 1e6, idleMs: 1e6, totalMs: 1e6, queueMs: 1e6 };
  const target = { upstream, model: 'm', tier: 1 };
  const facts = {
    trail: new Trail('id', { startedMs: clock.now(), wallMs: 0 }),
    signal: new Signal(),
    call: openaiChat.parse(body),
    endpoint: openaiChat,
    route: {
      name: 'openai.chat',
      permission: 'infer',
      limits: { bodyBytesMax: 1, bodyMs: 1 },
      voice: openaiVoice,
    },
    principal: { keyName: 'k', tenant: 't', team: '', user: '', role: 'developer' },
    candidates: [target],
    clocks,
    visited: new Set<string>(),
    fallbacks: [],
    target,
    meter,
  } as const;
  // What the listener read plays no part from here on.
  return { ...facts, incoming: undefined } as unknown as Bound;
}

/** What a client that reads at once has got so far. */
function read(reply: Reply) {
  let text = '';
  let over = false;
  const source = reply.body as StreamSource;
  source.start({
    write: (bytes) => {
      text += Buffer.from(bytes).toString();
      return true;
    },
    end: () => {
      over = true;
    },
  });
  return {
    source,
    texts: () => [...text.matchAll(/"content":"(\w+)"/g)].map((match) => match[1]),
    all: () => text,
    over: () => over,
  };
}

const five = ['a', 'b', 'c', 'd', 'e'];

test('G11: what came behind the last token that may pass is kept back until it is decided, and its order stays', async () => {
  const meter = new AskingMeter(2);
  const { send, flowed, dispatched } = await open(meter);
  send(five.map(content).join('') + ending);
  const reply = await dispatched;
  const client = read(reply);
  assert.deepEqual(client.texts(), ['a', 'b']);
  assert.deepEqual(flowed, ['pause'], 'the upstream stands still');
  await meter.answer(2);
  assert.deepEqual(client.texts(), ['a', 'b', 'c', 'd']);
  assert.equal(client.over(), false);
  await meter.answer(2);
  assert.deepEqual(client.texts(), five);
  assert.ok(client.over());
  assert.match(client.all(), /data: \[DONE\]\n\n$/);
  assert.deepEqual(await reply.ended, { kind: 'complete' } satisfies Outcome);
});

test('G11, G18: refused, it ends with the failure as its last event, and the upstream is closed', async () => {
  const meter = new AskingMeter(2);
  const { send, flowed, dispatched } = await open(meter);
  send(five.map(content).join('') + ending);
  const reply = await dispatched;
  const client = read(reply);
  await meter.answer(0);
  assert.deepEqual(client.texts(), ['a', 'b']);
  assert.ok(client.over());
  assert.match(client.all(), /"code":"insufficient_quota"[^\n]*\n\n$/);
  assert.deepEqual(flowed, ['pause', 'abort']);
  const ended = await reply.ended;
  assert.ok(ended.kind === 'failed' && ended.failure.code === 'budget_exceeded');
});

test('what an upstream says behind the end is read and dropped, also where the client had held it back', async () => {
  const { send, flowed, upstream, dispatched } = await open(new AskingMeter(100));
  send(content('a'));
  const source = (await dispatched).body as StreamSource;
  source.start({ write: () => false, end: () => {} });
  assert.deepEqual(flowed, ['pause']);
  // What was read already comes nevertheless.
  send(content('b') + ending);
  await endOfTurn();
  assert.deepEqual(flowed.slice(-1), ['resume'], 'its end can come, and its connection serves again');
  upstream?.end();
});

test('an answer that is over with what may pass is complete, whatever comes of the question', async () => {
  const meter = new AskingMeter(5);
  const { send, dispatched } = await open(meter);
  send(five.map(content).join('') + ending);
  const reply = await dispatched;
  const client = read(reply);
  await meter.answer(0);
  assert.deepEqual(client.texts(), five);
  assert.deepEqual(await reply.ended, { kind: 'complete' } satisfies Outcome);
});

test('a client that reads on does not set a waiting upstream going, and one that does not read keeps it still', async () => {
  const meter = new AskingMeter(1);
  const { send, flowed, dispatched } = await open(meter);
  send(content('a'));
  const { source } = read(await dispatched);
  source.pause();
  source.resume();
  assert.deepEqual(flowed, ['pause', 'pause']);
  source.pause();
  await meter.answer(10);
  assert.deepEqual(flowed, ['pause', 'pause', 'pause']);
  source.resume();
  assert.deepEqual(flowed.at(-1), 'resume');
  source.abort();
});

test('an upstream that is cut while it is asked fails the stream; one that ends behind it is heard', async () => {
  const cut = new AskingMeter(1);
  const first = await open(cut);
  first.send(content('a') + content('b'));
  const reply = await first.dispatched;
  const client = read(reply);
  first.upstream.end();
  assert.equal(client.over(), false, 'what came behind may still hold its end');
  await cut.answer(10);
  assert.deepEqual(client.texts(), ['a', 'b']);
  const ended = await reply.ended;
  assert.ok(ended.kind === 'failed' && ended.failure.code === 'upstream_cut');
});

test('an end marker that lacks its blank line is heard as well, when it comes while it is asked', async () => {
  const meter = new AskingMeter(1);
  const { send, upstream, dispatched } = await open(meter);
  const stop = { choices: [{ delta: { content: 'a' }, finish_reason: 'stop' }] };
  send(`data: ${JSON.stringify(stop)}\n\ndata: [DONE]`);
  const reply = await dispatched;
  read(reply);
  upstream.end();
  await meter.answer(0);
  assert.deepEqual(await reply.ended, { kind: 'complete' } satisfies Outcome);
});

test('G15: a client that leaves while it is asked ends the answer at once', async () => {
  const meter = new AskingMeter(1);
  const { send, flowed, dispatched } = await open(meter);
  send(content('a') + content('b'));
  const reply = await dispatched;
  const { source, texts } = read(reply);
  source.abort();
  assert.deepEqual(await reply.ended, { kind: 'aborted' } satisfies Outcome);
  await meter.answer(10);
  assert.deepEqual(texts(), ['a']);
  assert.equal(flowed.at(-1), 'abort');
});

test('an upstream that goes on although it was asked to wait is cut, and not kept without end', async () => {
  const meter = new AskingMeter(1);
  const { send, dispatched } = await open(meter);
  send(content('a'));
  const reply = await dispatched;
  read(reply);
  const long = content('x'.repeat(900_000));
  for (let sent = 0; sent < 5; sent += 1) send(long);
  const ended = await reply.ended;
  assert.ok(ended.kind === 'failed' && ended.failure.code === 'response_too_large');
});

test('G11: a whole answer that is collected waits for what is decided, its end included', async () => {
  const meter = new AskingMeter(2);
  const { send, flowed, dispatched, upstream } = await open(meter, false);
  send(five.map(content).join('') + ending);
  upstream.end();
  assert.deepEqual(flowed, ['pause'], 'the upstream stands still');
  await meter.answer(10);
  const reply = await dispatched;
  assert.equal(reply.status, 200);
  assert.ok(reply.body instanceof Uint8Array);
  const { choices } = JSON.parse(Buffer.from(reply.body).toString()) as { choices: { message: object }[] };
  assert.deepEqual(choices[0]?.message, { role: 'assistant', content: 'abcde', refusal: null });
});

test('G11, G18: a whole answer whose budget ends meanwhile is a failure, and its upstream is let go', async () => {
  const meter = new AskingMeter(2);
  const { send, flowed, dispatched } = await open(meter, false);
  const refused = assert.rejects(dispatched, { code: 'budget_exceeded' });
  send(five.map(content).join('') + ending);
  await meter.answer(0);
  await refused;
  assert.deepEqual(flowed, ['pause', 'abort']);
});
