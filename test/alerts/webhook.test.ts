/** Alerts over HTTP: signed, retried, given up (G26, A4, A5, S24, S25). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { alertsOptions } from '../../src/alerts/options.ts';
import { retryPausesMs } from '../../src/alerts/receiver.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { type Answer, openAlerts, openReceiver, secret, spent, status } from './rig.ts';

test('G26 a webhook carries what an independent library verifies, and nothing verifies with another secret', async (t) => {
  const { receiver, say } = await open(t, [status(200)]);
  say('team-a');
  await told(receiver.received, 1);
  const { headers, body } = receiver.received[0] ?? assert.fail();
  const given = {
    'webhook-id': String(headers['webhook-id']),
    // The library compares it with the machine's clock, which is not the test's.
    'webhook-timestamp': String(headers['webhook-timestamp']),
    'webhook-signature': String(headers['webhook-signature']),
  };
  assert.equal(given['webhook-timestamp'], String(Date.UTC(2026, 0, 1) / 1_000 + 10));
  t.mock.timers.enable({ apis: ['Date'], now: Number(given['webhook-timestamp']) * 1_000 });
  const content = new Webhook(secret).verify(body, given) as { data: { alerts: unknown[] } };
  assert.deepEqual(content.data.alerts, [
    {
      alert: 'budget_spent',
      severity: 'warning',
      state: 'firing',
      summary: 'half of team-a is spent',
      labels: { budget: 'team-a', per: 'tenant', share: '0.5' },
      startsAt: '2026-01-01T00:00:00.000Z',
    },
  ]);
  const other = `whsec_${Buffer.alloc(32, 'another secret!').toString('base64')}`;
  assert.throws(() => new Webhook(other).verify(body, given));
  assert.throws(() => new Webhook(secret).verify(`${body} `, given));
});

test('P10 while a secret is changed, receivers with either one can verify', async (t) => {
  const previousSecret = `whsec_${Buffer.alloc(24, 'the one before').toString('base64')}`;
  const { receiver, say } = await open(t, [status(200)], { previousSecret });
  say('team-a');
  await told(receiver.received, 1);
  const { headers, body } = receiver.received[0] ?? assert.fail();
  t.mock.timers.enable({ apis: ['Date'], now: Number(headers['webhook-timestamp']) * 1_000 });
  for (const one of [secret, previousSecret])
    new Webhook(one).verify(body, headers as Record<string, string>);
});

test('G26 500 three times and then 200: tried again by the schedule, under one id, each time signed anew', async (t) => {
  const { receiver, alerts, say, clock, lines } = await open(t, [
    status(500),
    status(500),
    status(500),
    status(204),
  ]);
  say('team-a');
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await told(receiver.received, attempt);
    const pauseMs = retryPausesMs[attempt - 1] ?? 0;
    await until('it is taken note of', () => clock.nextInMs === (attempt === 4 ? Infinity : pauseMs));
    if (attempt < 4) clock.advance(pauseMs);
  }
  const atMs = receiver.received.map((one) => one.atMs);
  assert.deepEqual(atMs, [10_000, 15_000, 45_000, 165_000]);
  assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
  assert.equal(new Set(receiver.received.map(({ body }) => body)).size, 1);
  assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-signature'])).size, 4);
  assert.equal(lines.filter((line) => line.includes('an alert was not taken')).length, 1);
  assert.ok(lines.some((line) => line.includes('alerts are taken again')));
  assert.deepEqual(
    alerts.receivers.map(({ delivered, waiting, lost }) => ({ delivered, waiting, lost })),
    [{ delivered: 1, waiting: 0, lost: 0 }],
  );
});

test('G26 a receiver that never takes it is given up after the last pause, and the log says so', async (t) => {
  const { receiver, alerts, say, clock, lines } = await open(t, [status(503)]);
  say('team-a');
  for (const [index, pauseMs] of retryPausesMs.entries()) {
    await told(receiver.received, index + 1);
    // Not the timer of the attempt itself, which is there until the answer has been read.
    await until('it waits', () => clock.nextInMs === pauseMs);
    clock.advance(pauseMs);
  }
  await until('it is given up', () => alerts.receivers[0]?.lost === 1);
  assert.equal(receiver.received.length, retryPausesMs.length + 1);
  assert.ok(lines.some((line) => line.includes('nobody was told')));
  assert.equal(clock.pending, 0);
});

test('G26 a hang ends after 15 s, and is tried again', async (t) => {
  const { receiver, alerts, say, clock } = await open(t, [() => {}, status(200)]);
  say('team-a');
  await told(receiver.received, 1);
  clock.advance(15_000);
  await until('it waits', () => clock.nextInMs === 5_000);
  clock.advance(5_000);
  await told(receiver.received, 2);
  await until('it is taken', () => alerts.receivers[0]?.delivered === 1);
});

test('G26 of an answer of 10 GB no more than its beginning is read', async (t) => {
  let sent = 0;
  const endless: Answer = (response) => {
    response.writeHead(200, { 'content-length': '10737418240' });
    const chunk = Buffer.alloc(65_536);
    const more = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length;
    };
    response.on('drain', more).on('error', () => {});
    more();
  };
  const { alerts, say } = await open(t, [endless]);
  say('team-a');
  await until('it is taken', () => alerts.receivers[0]?.delivered === 1);
  assert.ok(sent < 64 * 1024 * 1024);
});

test('G26 a redirect is a failure, and is not followed', async (t) => {
  const clock = createHeldClock();
  const canary = await openReceiver(t, clock, [status(200)]);
  const redirect = status(302, { location: canary.url });
  const { alerts, say } = await open(t, [redirect], {}, clock);
  say('team-a');
  await until('it failed', () => alerts.receivers[0]?.lastTrouble.includes('sends elsewhere') === true);
  assert.equal(canary.received.length, 0);
});

test('G26 410 ends it until a reload, and what waits is said to be lost', async (t) => {
  const { receiver, alerts, say, clock, lines, options } = await open(t, [status(410), status(200)]);
  say('team-a');
  await until('it is disabled', () => alerts.receivers[0]?.disabled === true);
  say('team-b');
  clock.advance(300_000);
  await until('it is lost', () => alerts.receivers[0]?.lost === 2);
  assert.equal(receiver.received.length, 1);
  assert.ok(lines.some((line) => line.includes('it answered 410')));
  alerts.follow(options);
  say('team-c');
  clock.advance(300_000);
  await told(receiver.received, 2);
});

test('G26 429 with Retry-After is obeyed where it asks for longer than the schedule', async (t) => {
  const { receiver, say, clock } = await open(t, [status(429, { 'retry-after': '90' }), status(200)]);
  say('team-a');
  await told(receiver.received, 1);
  await until('it waits', () => clock.nextInMs === 90_000);
  clock.advance(89_000);
  assert.equal(clock.pending, 1);
  clock.advance(1_000);
  await told(receiver.received, 2);
});

test('A5 a reset after reading is tried again under the same id: the receiver can tell', async (t) => {
  const reset: Answer = (response) => void response.socket?.resetAndDestroy();
  const { receiver, say, clock } = await open(t, [reset, status(200)]);
  say('team-a');
  await told(receiver.received, 1);
  await until('it waits', () => clock.nextInMs === 5_000);
  clock.advance(5_000);
  await told(receiver.received, 2);
  const [first, second] = receiver.received;
  assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id']);
  assert.equal(first?.body, second?.body);
});

test('G26 a dead receiver holds up no other, keeps at most 100, and is asked four at a time', async (t) => {
  const clock = createHeldClock();
  const dead = await openReceiver(t, clock, [() => {}]);
  const live = await openReceiver(t, clock, [status(200)]);
  const { alerts } = openAlerts(
    {
      to: [{ slack: dead.url }, { slack: live.url }],
      group: { waitMs: 1, everyMs: 1 },
    },
    { clock },
  );
  t.after(() => alerts.close());
  for (let index = 1; index <= 120; index += 1) {
    alerts.tell(spent(`team-${index}`));
    clock.advance(1);
    await until('the other has it', () => live.received.length === index);
  }
  assert.equal(dead.received.length, 4);
  const [asked] = alerts.receivers;
  assert.deepEqual([asked?.waiting, asked?.lost], [100, 20]);
  clock.advance(15_000);
  await until('the next four are asked', () => dead.received.length === 8);
});

test('G8 what leads to a receiver is in no line of the log and no state', async (t) => {
  const { alerts, say, clock, lines } = await open(t, [status(500), status(410)]);
  say('team-a');
  await until('it waits', () => clock.nextInMs === 5_000);
  clock.advance(5_000);
  await until('it is disabled', () => alerts.receivers[0]?.disabled === true);
  const shown = JSON.stringify([lines, alerts.receivers, await alerts.test()]);
  assert.doesNotMatch(shown, /token-canary|whsec_/);
});

async function open(
  t: TestContext,
  answers: readonly Answer[],
  more: Readonly<Record<string, string>> = {},
  clock = createHeldClock(),
) {
  const receiver = await openReceiver(t, clock, answers);
  const given = { to: [{ webhook: receiver.url, secret, ...more }] };
  const rig = openAlerts(given, { clock });
  t.after(() => rig.alerts.close());
  const options = alertsOptions.parse(given);
  /** And lets the time pass that it waits for others of its kind. */
  const say = (name: string) => {
    rig.alerts.tell(spent(name));
    clock.advance(10_000);
  };
  return { ...rig, receiver, options, say };
}

async function told(received: readonly unknown[], count: number): Promise<void> {
  await until(`it was told ${count} times`, () => received.length >= count);
  assert.equal(received.length, count);
}
