// U15, G14, G16, C9: who waits for a slot, how long, before whom, and what is told meanwhile.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { endingOf, wantOf } from '../wants.ts';
import { type FaultRig, type FaultRigOptions, openFaultRig, until } from './rig.ts';

interface Busy {
  readonly rig: FaultRig;
  readonly clock: HeldClock;
  readonly scheduler: FaultRig['gateway']['gateway']['lasting']['scheduler'];
  /** Gives back the only slot. */
  free(): void;
}

/** The only slot is taken. */
async function openBusy(t: TestContext, options: FaultRigOptions = {}): Promise<Busy> {
  const clock = createHeldClock();
  const rig = await openFaultRig(t, { clock, upstream: { slots: 1 }, ...options });
  const { lasting, snapshot } = rig.gateway.gateway;
  const slots = ['o', 'l'].map((model) =>
    lasting.scheduler.take(wantOf(snapshot.models.find(model)?.targets ?? [])),
  );
  const free = () => {
    for (const slot of slots) slot?.release(endingOf('served'));
  };
  return { rig, clock, scheduler: lasting.scheduler, free };
}

/** A server with one slot that has nothing to say until its model is loaded. */
async function openLoading(t: TestContext) {
  const clock = createHeldClock();
  const rig = await openFaultRig(t, {
    clock,
    behaviour: { slots: 1, residentMax: 8 },
    upstream: { slots: 1 },
    config: { retries: { attempts: 1 }, health: { everyMs: 3_600_000 } },
  });
  const leaving = new AbortController();
  rig.llm.scriptNext({ stallBeforeHead: true });
  const { signal } = leaving;
  const busy = fetch(`${rig.llm.url}/api/chat`, { method: 'POST', body: '{}', signal }).catch(() => {});
  await rig.llm.waitForRequest(({ method }) => method === 'POST');
  const loaded = () => {
    leaving.abort();
    return busy;
  };
  t.after(loaded);
  return { rig, clock, loaded };
}

interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: boolean;
  readonly path?: string;
  readonly said?: string;
  readonly model?: string;
}

function post({ gateway }: FaultRig, asking: Asking = {}): Promise<Response> {
  const { headers, stream = false, path = '/v1/chat/completions', said = 'one two' } = asking;
  const model = asking.model ?? (path.startsWith('/api/') ? 'l' : 'o');
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: said }] }),
  });
}

test('U15: a stream that waits long gets its head and comments with its place, and then its answer', async (t) => {
  const { rig, clock, scheduler, free } = await openBusy(t);
  const asked = post(rig, { stream: true });
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(9_999);
  clock.advance(1);
  const reply = await asked;
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get('x-millrace-queue-position'), '1');
  assert.match(reply.headers.get('content-type') ?? '', /^text\/event-stream/);
  clock.advance(10_000);
  free();
  const text = await reply.text();
  assert.match(text, /^: queued, position 1\n\n: queued, position 1\n\ndata: /);
  assert.match(text, /data: \[DONE\]\n\n$/);
});

test('U15, G18: a stream whose wait is in vain after its head is told so by an event, never by a clean end', async (t) => {
  const { rig, clock, scheduler } = await openBusy(t);
  const asked = post(rig, { stream: true });
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(10_000);
  const reply = await asked;
  clock.advance(20_000);
  const text = await reply.text();
  assert.match(text, /"code":"queue_timeout"/);
  assert.doesNotMatch(text, /\[DONE\]/);
  await until('it is accounted for', () => rig.exchanges().length === 1);
  assert.deepEqual([rig.exchanges()[0]?.outcome, rig.exchanges()[0]?.code], ['failed', 'queue_timeout']);
});

test('U15: while a model loads for five minutes comments keep the line alive, for who has the slot and who waits for it', async (t) => {
  const { rig, clock } = await openLoading(t);
  const { scheduler } = rig.gateway.gateway.lasting;
  const ask = () => post(rig, { stream: true, model: 'l' });
  const loading = ask();
  await rig.llm.waitForRequest(({ method }) => method === 'POST');
  const waiting = ask();
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(10_000);
  const [first, second] = [await loading, await waiting];
  assert.deepEqual([first.status, second.status], [200, 200]);
  clock.advance(20_000);
  // Who waits does so no longer than the queue's clock says, however long the model takes.
  assert.match(await second.text(), /^(: queued, position 1.*\n\n){2,3}data: .*"code":"queue_timeout"/s);
  for (let elapsedMs = 30_000; elapsedMs < 300_000; elapsedMs += 10_000) clock.advance(10_000);
  const text = await first.text();
  assert.ok(text.split(': a server loads the model\n\n').length > 25, text);
  assert.match(text, /data: .*"code":"first_token_timeout"/);
  assert.doesNotMatch(text, /\[DONE\]/);
});

test('U15: a model that is loaded in the end gives its answer after the comments', async (t) => {
  const { rig, clock, loaded } = await openLoading(t);
  const asked = post(rig, { stream: true, model: 'l' });
  await rig.llm.waitForRequest(({ method }) => method === 'POST');
  for (let elapsedMs = 0; elapsedMs < 290_000; elapsedMs += 10_000) clock.advance(10_000);
  await loaded();
  const text = await (await asked).text();
  assert.match(text, /^(: a server loads the model\n\n)+data: /);
  assert.match(text, /data: \[DONE\]\n\n$/);
});

test('U15: whole answers and lines of JSON simply wait, and are told afterwards for how long', async (t) => {
  for (const asking of [{}, { path: '/api/chat', stream: true }]) {
    const { rig, clock, scheduler, free } = await openBusy(t);
    const asked = post(rig, asking);
    await until('it waits', () => scheduler.waiting === 1);
    clock.advance(15_000);
    free();
    const reply = await asked;
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.get('x-millrace-queue-ms'), '15000');
    assert.doesNotMatch(await reply.text(), /queued/);
  }
});

test('G15, C7: a client that leaves while comments come gives up its place', async (t) => {
  const { rig, clock, scheduler } = await openBusy(t);
  const client = rig.send({ route: 'openai.chat', stream: true });
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(10_000);
  await client.received(1);
  client.socket.destroy();
  await until('its place is free', () => scheduler.waiting === 0);
  await until('it is accounted for', () => rig.exchanges().length === 1);
  assert.equal(rig.exchanges()[0]?.outcome, 'aborted');
  assert.equal(clock.nextInMs > 0, true);
});

test('G16: a client may lower its deadline, never raise it, and leaves the queue when it has passed', async (t) => {
  const { rig, clock, scheduler } = await openBusy(t, { clocks: { queueMs: 30_000 } });
  const hasty = post(rig, { headers: { 'x-millrace-deadline-ms': '2000' } });
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(2_000);
  assert.equal((await hasty).status, 503);
  assert.match(await (await hasty).text(), /"code":"queue_timeout"/);
  assert.match((await hasty).headers.get('retry-after') ?? '', /^\d+$/);
  assert.equal((await hasty).headers.get('x-millrace-queue-ms'), '2000');
  const patient = post(rig, { headers: { 'x-millrace-deadline-ms': '86400000' } });
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(30_000);
  assert.equal((await patient).status, 503);
});

test('G16: a deadline that is no number of milliseconds is a mistake, and named', async (t) => {
  const rig = await openFaultRig(t);
  for (const wrong of ['0', '-1', '1.5', 'soon', '86400001', '1e3']) {
    const reply = await post(rig, { headers: { 'x-millrace-deadline-ms': wrong } });
    assert.equal(reply.status, 400, wrong);
    assert.match(await reply.text(), /x-millrace-deadline-ms/);
  }
});

test('G16: a deadline that the server cannot keep counts against nobody but the client', async (t) => {
  const clock = createHeldClock();
  const rig = await openFaultRig(t, { clock, behaviour: { stallBeforeHead: true } });
  const { health } = rig.gateway.gateway.lasting;
  const upstream = rig.gateway.gateway.snapshot.upstreams.find(({ name }) => name === 'openai');
  assert.ok(upstream);
  for (let count = 0; count < 6; count += 1) {
    const asked = post(rig, { headers: { 'x-millrace-deadline-ms': '1000' } });
    await until(
      'it is sent',
      () => rig.llm.requests.filter(({ method }) => method === 'POST').length === count + 1,
    );
    clock.advance(1_000);
    assert.equal((await asked).status, 504);
  }
  assert.equal(health.of(upstream).failures, 0);
});

test('who has a higher priority goes first, asks for no more than it may, and is told', async (t) => {
  const { rig, scheduler, free } = await openBusy(t, {
    config: { queue: { priorities: [{ tenant: 'default', key: 'test', usual: 2, max: 5 }] } },
  });
  const told: Promise<Response>[] = [];
  const ask = async (headers: Readonly<Record<string, string>>, said: string) => {
    const before = scheduler.waiting;
    told.push(post(rig, { headers, said }));
    await until('it waits', () => scheduler.waiting === before + 1);
  };
  await ask({ 'x-millrace-priority': '0' }, 'low');
  await ask({}, 'usual');
  await ask({ 'x-millrace-priority': '9' }, 'high');
  await ask({ 'x-millrace-priority': 'highest' }, 'unknown');
  assert.deepEqual(
    scheduler.queues[0]?.requests.map(({ priority, position }) => [priority, position]),
    [
      [0, 4],
      [2, 2],
      [5, 1],
      [2, 3],
    ],
  );
  free();
  const replies = await Promise.all(told);
  const warnings = replies.map((reply) => reply.headers.get('x-millrace-warning') ?? '');
  assert.match(warnings[2] ?? '', /priority 9 was lowered to 5/);
  assert.match(warnings[3] ?? '', /not a whole number from 0 to 9: ignored/);
  const asked = rig.llm.requests.filter(({ method }) => method === 'POST').map(({ body }) => String(body));
  const order = ['high', 'usual', 'unknown', 'low'];
  assert.deepEqual(
    asked.map((body) => order.find((said) => body.includes(`"${said}"`))),
    order,
  );
});

test('C9: a tenant that asks for ten times its share is told 429, and another has its place and its turn', async (t) => {
  const light = `sk-mr-${randomBytes(20).toString('hex')}`;
  const { rig, scheduler, free } = await openBusy(t, {
    config: {
      keys: [{ name: 'light', key: light, tenant: 'light', role: 'developer' }],
      queue: { places: 10 },
    },
  });
  const flood = Array.from({ length: 30 }, () => post(rig, { said: 'flood' }));
  const codes: number[] = [];
  for (const each of flood) void each.then(({ status }) => codes.push(status));
  await until('all but ten are refused', () => codes.length === 20 && scheduler.waiting === 10);
  const others = Array.from({ length: 3 }, () =>
    post(rig, { said: 'light', headers: { authorization: `Bearer ${light}` } }),
  );
  await until('three make way', () => codes.length === 23 && scheduler.waiting === 10);
  assert.deepEqual([...new Set(codes)], [429]);
  free();
  for (const each of others) assert.equal((await each).status, 200);
  await Promise.all(flood);
  assert.equal(codes.filter((code) => code === 200).length, 7);
  const asked = rig.llm.requests.filter(({ method }) => method === 'POST').map(({ body }) => String(body));
  const turns = asked.map((body) => body.includes('"light"'));
  assert.ok(turns.lastIndexOf(true) <= 5, `turn about, and not after all who came before: ${turns.join()}`);
});

test('a model has no more of a server’s slots than `slotsPerModel`, and others have the rest', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { stallBeforeHead: true },
    upstream: { slots: 3, slotsPerModel: 1 },
    config: {
      models: {
        o: { targets: [{ upstream: 'openai', model: 'fake-model' }] },
        other: { targets: [{ upstream: 'openai', model: 'other-model' }] },
      },
    },
  });
  const { scheduler } = rig.gateway.gateway.lasting;
  const clients = [1, 2].map(() => rig.send({ route: 'openai.chat' }));
  await until('one of them waits', () => scheduler.waiting === 1);
  clients.push(rig.send({ route: 'openai.chat', model: 'other' }));
  await until('another model is served', () => scheduler.occupied.length === 2);
  assert.equal(scheduler.waiting, 1);
  for (const { socket } of clients) socket.destroy();
  await rig.quiet();
});
