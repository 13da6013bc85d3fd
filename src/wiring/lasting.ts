/** What lives longer than a configuration: learnt state, queues, logs, conversations. */
import type { Alerts } from '../alerts/alerts.ts';
import type { Dependency } from '../answers/dependencies.ts';
import type { Readiness } from '../answers/knowledge.ts';
import type { Auditor } from '../core/audit.ts';
import type { Conversations, Sealers, Spool } from '../core/ports.ts';
import type { Catalogue } from '../fleet/catalogue.ts';
import type { Health } from '../fleet/health.ts';
import type { Scheduler } from '../fleet/scheduler.ts';
import type { ServiceTimes } from '../fleet/service-times.ts';
import type { WrongKeys } from '../identity/wrong-keys.ts';
import type { Clock } from '../lib/clock.ts';
import type { KeyRing } from '../lib/seal.ts';
import type { OutputLengths } from '../money/output-lengths.ts';
import type { CallsUnderWay } from '../pipeline/calls-under-way.ts';
import type { BudgetsOptions } from '../stores/budget-rules.ts';
import type { HeldClaims } from '../stores/held-claims.ts';
import type { Shared } from '../stores/shared-state.ts';
import type { Store } from '../stores/sql/store.ts';
import type { Accounts } from '../telemetry/accounts.ts';
import type { BatchMetrics } from '../telemetry/batch-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Drains } from './drains.ts';
import type { FollowedDirectory } from './followed-directory.ts';
import type { Issuers } from './issuers.ts';
import type { Privacy } from './privacy.ts';
import type { Retries } from './retries.ts';
import type { WarmModels } from './warm-models.ts';

export interface Lasting {
  /** Of keys that requests carry; absent where they are switched off. */
  readonly claims: HeldClaims | undefined;
  /** Who is told when something is wrong. */
  readonly alerts: Alerts;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly batchMetrics: BatchMetrics;
  /** As they are shown: where several processes serve, of all of them. */
  readonly renderMetrics: () => string | Promise<string>;
  readonly catalogue: Catalogue;
  readonly health: Health;
  readonly retries: Retries;
  readonly scheduler: Scheduler;
  /** Which models are in memory where, and what keeps them there. */
  readonly warm: WarmModels;
  readonly serviceTimes: ServiceTimes;
  /** Servers that an operator wants left alone, and the streams that can be taken off them. */
  readonly drains: Drains;
  readonly conversations: Conversations;
  readonly privacy: Privacy;
  readonly outputLengths: OutputLengths;
  readonly accounts: Accounts;
  readonly spool: Spool;
  readonly store: Store;
  readonly shared: Shared;
  readonly auditor: Auditor;
  /** Tenants, teams, users and keys, and what this gateway knows of them without asking. */
  readonly followed: FollowedDirectory;
  /** The data keys of those whose words are kept. */
  readonly sealers: Sealers;
  /** What the data keys are wrapped by. */
  readonly masterKeys: KeyRing;
  /** What budgets go by besides their rules. */
  readonly budgeting: BudgetsOptions;
  readonly issuers: Issuers;
  /** When those are told who show no key that is known, at either listener. */
  readonly wrongKeys: WrongKeys;
  /** What cannot be reached, by name: each replica goes by what it knows. Empty when all is well. */
  readonly degraded: () => string;
  /** The same with since when, and what is there too. */
  readonly dependencies: () => readonly Dependency[];
  /** What upstreams work on at this moment. */
  readonly underWay: CallsUnderWay;
  /** False once nothing new is taken. */
  readonly accepting: () => boolean;
  /** Whether there is memory for more work. */
  readonly hasRoom: () => boolean;
  readonly readiness: () => Readiness;
}
