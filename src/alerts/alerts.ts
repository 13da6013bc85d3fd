/** The one alert sender: whoever notices that something is wrong tells it here, once, and goes on. */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/uuid.ts';
import type { Dialer } from '../net/dialer.ts';
import { addressOf, namedBy } from '../net/named-by.ts';
import type { NamedBy } from '../net/outgoing-url.ts';
import type { Alert, Attempt, Notice, Way } from './alert.ts';
import { createEmail } from './email.ts';
import { Grouping } from './grouping.ts';
import type { AlertsOptions, ReceiverOptions } from './options.ts';
import { type AlertLog, Receiver, type ReceiverState } from './receiver.ts';
import { createSlack } from './slack.ts';
import { createWebhook } from './webhook.ts';

export interface Alerts {
  /** Neither waits nor throws. */
  tell(alert: Alert): void;
  /** One notice to every receiver at once, whatever is silenced or waiting; what each of them said. */
  test(): Promise<readonly TestedReceiver[]>;
  /** After a reload. Receivers that stay keep what waits for them. */
  follow(options: AlertsOptions, strangers?: Strangers): void;
  readonly receivers: readonly ReceiverState[];
  /** Tells what is waiting to be told together, and gives the receivers a little time to take it. */
  close(): Promise<void>;
}

export interface TestedReceiver {
  readonly name: string;
  readonly attempt: Attempt;
}

export interface AlertsContext {
  readonly clock: Clock;
  readonly log: AlertLog;
  readonly dialer: Dialer;
  /** True for one of the replicas that notice the same, within that time. Never rejects. */
  readonly claim: (name: string, ttlMs: number) => Promise<boolean>;
  /** At the start. */
  readonly strangers?: Strangers | undefined;
}

/** Addresses, as HOST:PORT, that are dialled as what a tenant names. */
type Strangers = readonly string[] | undefined;

export function createAlerts(options: AlertsOptions, context: AlertsContext): Alerts {
  return new AlertSender(options, context);
}

const closeMs = 3_000;

class AlertSender implements Alerts {
  readonly #context: AlertsContext;
  readonly #grouping: Grouping;
  #options: AlertsOptions;
  /** By what they are made of. */
  #receivers = new Map<string, Receiver>();
  /** Those that a reload has left out, until what was under way to them has ended. */
  readonly #leaving = new Set<Receiver>();
  readonly #sending = new Set<Promise<void>>();

  constructor(options: AlertsOptions, context: AlertsContext) {
    this.#context = context;
    this.#options = options;
    this.#receivers = this.#createReceivers(whoseOf(options, context.strangers));
    this.#grouping = new Grouping({
      clock: context.clock,
      options,
      flush: (alerts, more) => this.#begin(alerts, more),
    });
  }

  get receivers(): readonly ReceiverState[] {
    return [...this.#receivers.values()].map(({ state }) => state);
  }

  tell(alert: Alert): void {
    const added = this.#grouping.add(alert);
    if (added === 'known') return;
    const silenced = added === 'silenced' ? { silenced: true } : {};
    const facts = { alert: alert.kind, ...alert.labels, ...silenced };
    if (alert.resolved === true) this.#context.log.info(facts, `over: ${alert.summary}`);
    else this.#context.log.warn(facts, alert.summary);
  }

  async test(): Promise<readonly TestedReceiver[]> {
    const startsAtMs = this.#context.clock.wall();
    const summary = 'This is a test: somebody wants to know whether alerts arrive.';
    const notice = this.#notice([{ kind: 'test', key: 'test', summary, labels: {}, startsAtMs }], 0);
    return Promise.all(
      [...this.#receivers.values()].map(async (receiver) => ({
        name: receiver.state.name,
        attempt: await receiver.try(notice),
      })),
    );
  }

  follow(options: AlertsOptions, strangers?: Strangers): void {
    const before = this.#receivers;
    this.#options = options;
    this.#grouping.follow(options);
    this.#receivers = this.#createReceivers(whoseOf(options, strangers), before);
    for (const [identity, receiver] of before) {
      if (this.#receivers.has(identity)) receiver.enable();
      else this.#leave(receiver);
    }
  }

  async close(): Promise<void> {
    this.#grouping.flushAll();
    await Promise.all(this.#sending);
    const receivers = [...this.#receivers.values(), ...this.#leaving];
    const closed = Promise.all(receivers.map((receiver) => receiver.close()));
    const timer = this.#context.clock.after(closeMs, () => {
      for (const receiver of receivers) receiver.abandon();
    });
    await closed;
    timer.cancel();
  }

  #leave(receiver: Receiver): void {
    this.#leaving.add(receiver);
    void receiver.close().finally(() => this.#leaving.delete(receiver));
  }

  #begin(alerts: readonly Alert[], more: number): void {
    const sending = this.#send(alerts, more).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #send(alerts: readonly Alert[], more: number): Promise<void> {
    if (this.#receivers.size === 0) return;
    const { claim } = this.#context;
    const ttlMs = this.#options.group.everyMs;
    const ours = await Promise.all(alerts.map((alert) => claim(claimOf(alert), ttlMs)));
    const claimed = alerts.filter((_alert, index) => ours[index]);
    if (claimed.length === 0) return;
    const notice = this.#notice(claimed, more);
    for (const receiver of this.#receivers.values()) receiver.offer(notice);
  }

  #notice(alerts: readonly Alert[], more: number): Notice {
    const atMs = this.#context.clock.wall();
    return { id: `alert_${uuidv7(atMs)}`, atMs, alerts, more };
  }

  #createReceivers(
    to: readonly Addressed[],
    before: ReadonlyMap<string, Receiver> = new Map(),
  ): Map<string, Receiver> {
    return new Map(
      to.map((addressed) => {
        const identity = identityOf(addressed);
        const way = () => createWay(addressed, this.#context);
        return [identity, before.get(identity) ?? new Receiver(way(), this.#context)];
      }),
    );
  }
}

type Addressed = ReceiverOptions & { readonly namedBy: NamedBy };

/** Only a mail server's address can come from somebody else: the others are secrets, which owners alone refer to. */
function whoseOf({ to }: AlertsOptions, strangers: Strangers): readonly Addressed[] {
  return to.map((options) => {
    const { smtp } = options;
    const whose = smtp === undefined ? 'operator' : namedBy(addressOf(smtp.host, smtp.port), strangers);
    return { ...options, namedBy: whose };
  });
}

function createWay(options: Addressed, context: AlertsContext): Way {
  const { webhook, secret, previousSecret, slack, email, smtp, namedBy: whose } = options;
  if (webhook !== undefined) {
    const secrets = [secret, previousSecret].filter((one) => one !== undefined);
    return createWebhook({ url: webhook, secrets }, context);
  }
  if (slack !== undefined) return createSlack(slack, context);
  if (email === undefined || smtp === undefined) throw new TypeError('a receiver has no way to it');
  return createEmail({ to: email, smtp, namedBy: whose }, context);
}

/** Of a receiver: another secret makes it another one. */
function identityOf({
  webhook,
  secret,
  previousSecret,
  slack,
  email,
  smtp,
  namedBy: whose,
}: Addressed): string {
  const secrets = [webhook, secret, previousSecret, slack, smtp?.password].map((one) => one?.reveal());
  return createHash('sha256')
    .update(JSON.stringify([...secrets, email, smtp, whose]))
    .digest('hex');
}

function claimOf({ kind, key, resolved }: Alert): string {
  return `alert:${kind}:${key}:${resolved === true ? 'over' : 'on'}`;
}
