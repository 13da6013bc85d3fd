// Where a stream is not gone on with, its client hears of it; and what goes on with it is bounded by time, money and the client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { createHeldClock } from '../held-clock.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { asked, chunks, type Dialect, openCarriedRig, readStream, whole } from './carried-rig.ts';
import { type Call, until } from './rig.ts';

const dialects: readonly Dialect[] = ['openai', 'ollama'];
const isCall = ({ method }: { readonly method: string }) => method === 'POST';
const cut: Partial<Behaviour> = { cutAfterChunks: 30 };

for (const client of dialects) {
  test(`U3, U4: a server that falls silent is left after its clock, and a client of ${client}'s reads on from another`, async (t) => {
    const clock = createHeldClock();
    const rig = await openCarriedRig(t, {
      clock,
      servers: [{ type: 'ollama', behaviour: { stallAfterChunks: 20 } }, { type: 'openai' }],
      model: { clocks: { idleMs: 60_000 } },
    });
    const sent = rig.send(asked[client]);
    const request = await rig.servers[0]?.waitForRequest(isCall);
    await until('the client has read what there is', () => sent.bytes().includes('。'));
    clock.advance(59_999);
    assert.equal(rig.servers[1]?.requests.filter(isCall).length, 0);
    clock.advance(1);
    const reply = await sent.reply();
    assert.deepEqual([readStream(client, reply).text, readStream(client, reply).ended], [whole, true]);
    if (request !== undefined) await rig.servers[0]?.waitForClose(request);
    assert.equal((await rig.row(reply)).carriedOn?.[0]?.code, 'idle_timeout');
    await rig.quiet();
  });
}

test('U8: a stream that has told its usage and then breaks off ends with an error, and its usage is told once', async (t) => {
  const rig = await openCarriedRig(t, {
    servers: [{ type: 'openai', behaviour: { finishReason: null, endMarker: 'never' } }, { type: 'openai' }],
  });
  const reply = await rig.ask(asked.openai);
  const { text, error, ended } = readStream('openai', reply);
  assert.deepEqual([text, ended], [whole, false]);
  assert.ok(error !== undefined);
  assert.equal(reply.content.toString().split('"usage":{').length - 1, 1);
  assert.equal((await rig.row(reply)).carriedOn, undefined);
  await rig.quiet();
});

test('a server that is drained has its streams gone on with elsewhere, and those that cannot be stay', async (t) => {
  const stall: Partial<Behaviour> = { stallAfterChunks: 20 };
  const rig = await openCarriedRig(t, {
    servers: [{ type: 'ollama', behaviour: stall }, { type: 'openai' }],
  });
  const sent = rig.send(asked.openai);
  await until('the first has begun', () => sent.bytes().includes('。'));
  const kept = rig.send({ ...asked.openai, body: { response_format: { type: 'json_object' } } });
  await until('the second has begun', () => kept.bytes().includes('。'));
  const { streams } = rig.gateway.gateway.lasting.drains;
  assert.equal(streams.moveFrom('s1'), 0);
  assert.equal(streams.moveFrom('s0'), 1);
  const reply = await sent.reply();
  assert.equal(readStream('openai', reply).text, whole);
  assert.equal((await rig.row(reply)).carriedOn?.[0]?.code, 'upstream_draining');
  const counted = { upstream: 's0', code: 'upstream_draining' };
  assert.equal(await rig.metric('millrace_streams_carried_on_total', counted), 1);
  const [one, other] = rig.servers[0]?.requests.filter(isCall) ?? [];
  assert.ok(one !== undefined && other !== undefined);
  await rig.servers[0]?.waitForClose(one);
  assert.equal(other.closedAt, undefined, 'the other one still reads');
  kept.socket.destroy();
  await rig.quiet();
});

const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
const call = [{ name: 'look', arguments: { at: 'the mill, and at the river behind it' } }];

const refused: ReadonlyArray<readonly [string, Partial<Behaviour>, Call['body'], object?]> = [
  ['a tool call is in flight', { toolCalls: call, cutAfterChunks: 3 }, { tools }],
  [
    'an answer has a form',
    { ...cut },
    { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } } },
  ],
  ['there are several answers', { ...cut }, { n: 2 }],
  ['it is still thinking', { reasoning: ['Let me', ' think', ' it over'], cutAfterChunks: 2 }, {}],
  ['it is switched off for the model', { ...cut }, {}, { model: { carryOn: 'off' } }],
  ['it is switched off for all', { ...cut }, {}, { config: { carryOn: { tries: 0 } } }],
  ['nobody knows that the servers can', { ...cut }, {}, { model: { carryOn: 'auto' } }],
  ['the answer is as long as it may be', { ...cut }, { max_tokens: 30 }],
];

for (const [why, behaviour, body, options] of refused) {
  test(`G18: a stream that breaks off while ${why} ends with an error, and never as if it were whole`, async (t) => {
    const rig = await openCarriedRig(t, {
      servers: [{ type: 'openai', behaviour }, { type: 'openai' }],
      ...options,
    });
    const reply = await rig.ask({ route: 'openai.chat', stream: true, body: { ...body } });
    const text = reply.content.toString();
    assert.match(text, /"code":"upstream_cut"/);
    assert.doesNotMatch(text, /\[DONE\]/);
    assert.equal(rig.servers[1]?.requests.filter(isCall).length, 0, 'nobody else was asked');
    assert.equal((await rig.row(reply)).outcome, 'failed');
    await rig.quiet();
  });
}

test('what was thought before the answer is handed over with it', async (t) => {
  const reasoning = ['Let me', ' think'];
  const rig = await openCarriedRig(t, {
    servers: [{ type: 'ollama', behaviour: { reasoning, cutAfterChunks: 12 } }, { type: 'openai' }],
  });
  const read = readStream('ollama', await rig.ask(asked.ollama));
  assert.equal(read.text, whole);
  const request = await rig.servers[1]?.waitForRequest(isCall);
  assert.ok(request !== undefined);
  const { messages } = request.json as { messages: ReadonlyArray<Record<string, unknown>> };
  assert.equal(messages.at(-1)?.['reasoning_content'], 'Let me think');
});

test('an answer that is bounded ends where the client said, whoever says the rest', async (t) => {
  const rig = await openCarriedRig(t, { servers: [{ type: 'openai', behaviour: cut }, { type: 'openai' }] });
  const reply = await rig.ask({ ...asked.openai, body: { ...asked.openai.body, max_tokens: 40 } });
  const read = readStream('openai', reply);
  assert.equal(read.text, chunks.slice(0, 40).join(''));
  assert.deepEqual(
    [read.usage?.completion, JSON.stringify(read.events).includes('"finish_reason":"length"')],
    [40, true],
  );
});

const texts: ReadonlyArray<readonly [Call, (text: string) => string]> = [
  [
    { route: 'openai.completions', stream: true },
    (text) => joined(text, /^data: (\{.*)$/gm, (one) => one.choices?.[0]?.text),
  ],
  [{ route: 'ollama.generate', stream: true }, (text) => joined(text, /^(\{.*)$/gm, (one) => one.response)],
  [
    { route: 'ollama.generate', stream: true, body: { raw: true } },
    (text) => joined(text, /^(\{.*)$/gm, (one) => one.response),
  ],
  [{ route: 'simple.stream' }, (text) => joined(text, /^data: (\{.*)$/gm, (one) => one.token)],
];

interface Piece {
  readonly choices?: ReadonlyArray<{ readonly text?: string }>;
  readonly response?: string;
  readonly token?: string;
}

const joined = (text: string, pattern: RegExp, textOf: (piece: Piece) => string | undefined): string =>
  [...text.matchAll(pattern)].map(([, json = '']) => textOf(JSON.parse(json) as Piece) ?? '').join('');

for (const [wanted, textOf] of texts) {
  for (const type of dialects) {
    test(`U1: ${wanted.route} ${JSON.stringify(wanted.body ?? '')} is gone on with by an ${type} server`, async (t) => {
      const rig = await openCarriedRig(t, { servers: [{ type: 'ollama', behaviour: cut }, { type }] });
      const reply = await rig.ask(wanted);
      assert.equal(textOf(reply.content.toString()), whole);
      assert.equal((await rig.row(reply)).outcome, 'complete');
    });
  }
}

test('G15: a client that leaves while another server is asked has that request closed, and pays for what was said', async (t) => {
  const rig = await openCarriedRig(t, {
    servers: [
      { type: 'ollama', behaviour: cut },
      { type: 'openai', behaviour: { stallBeforeHead: true } },
    ],
    config: { prices: { s0: { inputPerM: 0, outputPerM: 1_000 } } },
  });
  const client = rig.send(asked.openai);
  const request = await rig.servers[1]?.waitForRequest(isCall);
  assert.ok(request !== undefined);
  client.socket.destroy();
  await rig.servers[1]?.waitForClose(request);
  assert.ok(request.aborted);
  await rig.quiet();
  const row = JSON.parse(rig.gateway.exchangeLines.findLast((line) => line.includes('"model":"o"')) ?? '');
  assert.equal(row.outcome, 'aborted');
  assert.equal(row.upstream, 's0', 'nobody else has said anything');
  assert.ok(row.outputTokens >= 30 && row.costNanoUsd >= 30 * 1_000_000);
});

test('G15, C12: so it is with a key, where the answer is more than is kept and so is done for nobody', async (t) => {
  const rig = await openCarriedRig(t, {
    servers: [
      { type: 'ollama', behaviour: cut },
      { type: 'openai', behaviour: { stallBeforeHead: true } },
    ],
    config: {
      prices: { s0: { inputPerM: 0, outputPerM: 1_000 } },
      idempotency: { bytesMax: 1_024 },
    },
  });
  const leaving = new AbortController();
  const reply = await fetch(`${rig.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${rig.gateway.key}`,
      'idempotency-key': 'k',
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      model: 'o',
      messages: [{ role: 'user', content: 'hello' }],
      ...asked.openai.body,
      stream: true,
    }),
    signal: leaving.signal,
  });
  const request = await rig.servers[1]?.waitForRequest(isCall);
  assert.ok(request !== undefined);
  leaving.abort();
  await reply.text().catch(() => {});
  await rig.servers[1]?.waitForClose(request);
  await rig.quiet();
  const row = JSON.parse(rig.gateway.exchangeLines.findLast((line) => line.includes('"model":"o"')) ?? '');
  assert.deepEqual([row.outcome, row.upstream], ['aborted', 's0']);
  assert.ok(row.outputTokens >= 30 && row.costNanoUsd >= 30 * 1_000_000);
});

test('G11: a budget that is enough for one question and not for two ends the stream, and says so', async (t) => {
  const open = (tokens: number) =>
    openCarriedRig(t, {
      servers: [{ type: 'ollama', behaviour: { cutAfterChunks: 70 } }, { type: 'openai' }],
      config: { budgets: [{ per: 'tenant', tokens, window: 'day' }] },
    });
  const rig = await open(170);
  const bounded: Call = { ...asked.openai, body: { max_tokens: 90 } };
  const read = readStream('openai', await rig.ask(bounded));
  assert.equal(read.text, chunks.slice(0, 70).join(''));
  assert.match(JSON.stringify(read.error), /the budget is used up/);
  const enough = await open(100_000);
  assert.equal(readStream('openai', await enough.ask(bounded)).text, whole);
});

test('a comment says who goes on where the operator wants that, and nothing does where not', async (t) => {
  for (const comment of [true, false]) {
    const rig = await openCarriedRig(t, {
      servers: [{ type: 'openai', behaviour: cut }, { type: 'openai' }],
      config: { carryOn: { comment } },
    });
    const text = (await rig.ask(asked.openai)).content.toString();
    assert.equal(text.includes(': carried on by s1\n\n'), comment);
  }
});

test('U1: the official clients of OpenAI and Ollama read one whole stream', async (t) => {
  const rig = await openCarriedRig(t, {
    servers: [{ type: 'ollama', behaviour: cut }, { type: 'ollama' }],
    model: { carryOn: 'auto' },
  });
  const { url, key } = rig.gateway;
  const messages = [{ role: 'user' as const, content: 'Tell me' }];
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const stream = openai.chat.completions.stream({ model: 'o', messages, temperature: 0 });
  assert.equal((await stream.finalChatCompletion()).choices[0]?.message.content, whole);
  const ollama = new Ollama({ host: `${url}/k/${key}` });
  let text = '';
  for await (const line of await ollama.chat({ model: 'o', messages, stream: true }))
    text += line.message.content;
  assert.equal(text, whole);
});

test('a chat of a model whose format leaves no message open ends where it broke off; one text does not, nor one that is to be tried', async (t) => {
  const text: Call = { route: 'ollama.generate', stream: true, body: { raw: true } };
  const cases = [
    ['gpt-oss:20b', 'auto', asked.ollama, false],
    ['gpt-oss:20b', 'auto', text, true],
    ['gpt-oss:20b', 'on', asked.ollama, true],
    ['llama3.1:8b', 'auto', asked.ollama, true],
  ] as const;
  for (const [served, carryOn, call, goesOn] of cases) {
    const servers = [{ type: 'ollama' }, { type: 'ollama' }] as const;
    const rig = await openCarriedRig(t, { servers, served, model: { carryOn } });
    rig.servers[0]?.scriptNext({ cutAfterChunks: 30 });
    const { outcome, carriedOn, attempts } = await rig.row(await rig.ask(call));
    const name = `${served} ${carryOn} ${call.route}`;
    assert.deepEqual(
      [outcome, carriedOn?.length, attempts],
      goesOn ? ['complete', 1, undefined] : ['failed', undefined, undefined],
      name,
    );
  }
});
