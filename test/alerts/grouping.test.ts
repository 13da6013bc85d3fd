/** What is told together, once, or not at all. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { alertsOptions } from '../../src/alerts/options.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { type AlertsRigOptions, openAlerts, openReceiver, secret, spent, status } from './rig.ts';

test('alerts of one kind are told together, and then at most once in five minutes', async (t) => {
  const { alerts, clock, told } = await open(t);
  alerts.tell(spent('a'));
  clock.advance(5_000);
  alerts.tell(spent('b'));
  clock.advance(4_999);
  assert.equal(told().length, 0);
  clock.advance(1);
  await until('it is told', () => told().length === 1);
  assert.deepEqual(told(), [['a', 'b']]);
  alerts.tell(spent('c'));
  alerts.tell(spent('d'));
  clock.advance(299_999);
  assert.equal(clock.pending, 1);
  clock.advance(1);
  await until('the next are told', () => told().length === 2);
  assert.deepEqual(told()[1], ['c', 'd']);
});

test('another kind waits for its own', async (t) => {
  const { alerts, clock, told } = await open(t);
  alerts.tell(spent('a'));
  alerts.tell(away);
  clock.advance(10_000);
  await until('both are told', () => told().length === 2);
  assert.deepEqual(told().flat().sort(), ['a', 'store']);
});

test('what is told already is not told again, until it is over', async (t) => {
  const { alerts, clock, told, lines } = await open(t);
  for (let round = 0; round < 3; round += 1) alerts.tell(away);
  clock.advance(10_000);
  await until('it is told', () => told().length === 1);
  alerts.tell(away);
  alerts.tell({ ...away, resolved: true });
  alerts.tell({ ...away, resolved: true });
  clock.advance(300_000);
  await until('its end is told', () => told().length === 2);
  assert.deepEqual(told(), [['store'], ['store over']]);
  alerts.tell(away);
  clock.advance(300_000);
  await until('it is told anew', () => told().length === 3);
  assert.equal(lines.filter((line) => line.includes('the store is away')).length, 3);
});

test('what was over before anybody was told is not told', async (t) => {
  const { alerts, clock, told } = await open(t);
  alerts.tell(away);
  clock.advance(9_000);
  alerts.tell({ ...away, resolved: true });
  alerts.tell(spent('a'));
  clock.advance(10_000);
  await until('the other is told', () => told().length === 1);
  assert.deepEqual(told(), [['a']]);
});

test('the end of what nobody was told of is not told', async (t) => {
  const { alerts, clock, told, lines } = await open(t);
  alerts.tell({ ...away, resolved: true });
  clock.advance(10_000);
  assert.equal(clock.pending, 0);
  assert.deepEqual([told(), lines], [[], []]);
});

test('silence holds for alerts that have all its labels, and ends by itself', async (t) => {
  const until2026 = '2026-01-01T01:00:00+00:00';
  const silence = [{ match: { alert: 'budget_spent', budget: 'a' }, until: until2026 }];
  const { alerts, clock, told, lines } = await open(t, { silence });
  alerts.tell(spent('a'));
  alerts.tell(spent('b'));
  clock.advance(10_000);
  await until('the other is told', () => told().length === 1);
  clock.advance(3_600_000);
  alerts.tell(spent('a'));
  clock.advance(10_000);
  await until('it is told after the silence', () => told().length === 2);
  assert.deepEqual(told(), [['b'], ['a']]);
  assert.equal(lines.filter((line) => line.includes('"silenced":true} half of a is spent')).length, 1);
});

test('a hundred are told by name, the rest are counted', async (t) => {
  const { alerts, clock, bodies } = await open(t);
  for (let index = 0; index < 130; index += 1) alerts.tell(spent(`team-${index}`));
  clock.advance(10_000);
  await until('they are told', () => bodies().length === 1);
  assert.deepEqual(
    bodies().map(({ data }) => [data.alerts.length, data.more]),
    [[100, 30]],
  );
});

test('of replicas that notice the same, the one that claims it tells', async (t) => {
  const claims: string[] = [];
  const claim = (name: string) => {
    const isFirst = !claims.includes(name);
    claims.push(name);
    return Promise.resolve(isFirst);
  };
  const clock = createHeldClock();
  const first = await open(t, {}, { clock, claim });
  const second = await open(t, {}, { clock, claim });
  for (const { alerts } of [first, second]) {
    alerts.tell(spent('a'));
    alerts.tell(spent(first.alerts === alerts ? 'b' : 'c'));
  }
  clock.advance(10_000);
  await until('all is told', () => first.told().length === 1 && second.told().length === 1);
  assert.deepEqual([first.told(), second.told()], [[['a', 'b']], [['c']]]);
});

test('what waits is told when the gateway stops', async (t) => {
  const { alerts, told, clock } = await open(t);
  alerts.tell(spent('a'));
  await alerts.close();
  assert.deepEqual(told(), [['a']]);
  assert.equal(clock.pending, 0);
});

test('stopping waits three seconds for receivers, and no longer', async (t) => {
  const clock = createHeldClock();
  const deaf = await openReceiver(t, clock, [() => {}]);
  const { alerts, lines } = openAlerts({ to: [{ slack: deaf.url }] }, { clock });
  alerts.tell(spent('a'));
  const closed = alerts.close();
  await until('it is asked', () => deaf.received.length === 1);
  clock.advance(3_000);
  await closed;
  assert.ok(lines.some((line) => line.includes('nobody was told')));
  assert.equal(clock.pending, 0);
});

test('a reload keeps what waits for receivers that stay, and asks those that are gone no more', async (t) => {
  const clock = createHeldClock();
  const staying = await openReceiver(t, clock, [status(500), status(200)]);
  const going = await openReceiver(t, clock, [status(500), status(200)]);
  const { alerts } = openAlerts({ to: [{ slack: staying.url }, { slack: going.url }] }, { clock });
  alerts.tell(spent('a'));
  clock.advance(10_000);
  await until('both failed', () => alerts.receivers.every(({ lastTrouble }) => lastTrouble !== ''));
  alerts.follow(alertsOptions.parse({ to: [{ slack: staying.url }] }));
  clock.advance(5_000);
  await until('it is delivered', () => alerts.receivers[0]?.delivered === 1);
  assert.deepEqual([staying.received.length, going.received.length], [2, 1]);
});

test('without receivers an alert is a line of the log all the same', async () => {
  const { alerts, lines, clock } = openAlerts({});
  alerts.tell(spent('a'));
  clock.advance(10_000);
  assert.deepEqual(lines, [
    '{"alert":"budget_spent","budget":"a","per":"tenant","share":"0.5"} half of a is spent',
  ]);
  assert.deepEqual(await alerts.test(), []);
});

test('Slack is sent one text in which no name is a mention or a link', async (t) => {
  const clock = createHeldClock();
  const slack = await openReceiver(t, clock, [status(200)]);
  const { alerts } = openAlerts({ to: [{ slack: slack.url }] }, { clock });
  alerts.tell(spent('<!channel> & <https://evil.example|x>'));
  clock.advance(10_000);
  await until('it is told', () => slack.received.length === 1);
  const { text, ...rest } = JSON.parse(slack.received[0]?.body ?? '') as { text: string };
  assert.deepEqual(rest, {});
  assert.match(text, /^\*Millrace: \[warning\] half of &lt;!channel&gt; &amp; &lt;https/);
  assert.match(text, /since 2026-01-01T00:00:00\.000Z/);
  assert.doesNotMatch(text, /[<>]/);
});

test('a test alert goes to every receiver at once, and each one’s answer is told', async (t) => {
  const clock = createHeldClock();
  const good = await openReceiver(t, clock, [status(200)]);
  const bad = await openReceiver(t, clock, [status(404)]);
  const { alerts } = openAlerts(
    { to: [{ webhook: good.url, secret }, { slack: bad.url }], silence: [{ match: { alert: 'test' } }] },
    { clock },
  );
  const tested = await alerts.test();
  assert.deepEqual(
    tested.map(({ attempt }) => attempt),
    [{ outcome: 'taken' }, { outcome: 'failed', says: 'it answered with status 404' }],
  );
  assert.match(good.received[0]?.body ?? '', /This is a test/);
});

const away = {
  kind: 'degraded',
  key: 'store',
  summary: 'the store is away',
  labels: { dependency: 'store' },
  startsAtMs: 0,
} as const;

interface Told {
  readonly data: {
    readonly alerts: readonly { readonly labels: Record<string, string>; readonly state: string }[];
    readonly more: number;
  };
}

async function open(t: TestContext, options: object = {}, given: AlertsRigOptions = {}) {
  const clock = given.clock ?? createHeldClock();
  const receiver = await openReceiver(t, clock, [status(200)]);
  const rig = openAlerts({ to: [{ webhook: receiver.url, secret }], ...options }, { ...given, clock });
  const bodies = () => receiver.received.map(({ body }) => JSON.parse(body) as Told);
  /** What was told, notice by notice. */
  const told = () =>
    bodies().map(({ data }) =>
      data.alerts.map(
        ({ labels, state }) =>
          `${labels['budget'] ?? labels['dependency']}${state === 'resolved' ? ' over' : ''}`,
      ),
    );
  return { ...rig, bodies, told };
}
