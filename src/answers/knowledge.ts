/** What answers may draw from: the configuration, the fleet as known, and the lasting state. */
import type { Auditor } from '../core/audit.ts';
import type { BodyLimits, Upstream } from '../core/exchange.ts';
import type { Catalogue } from '../fleet/catalogue.ts';
import type { Health } from '../fleet/health.ts';
import type { Scheduler } from '../fleet/scheduler.ts';
import type { Clock } from '../lib/clock.ts';
import type { ModelTable } from '../routing/model-table.ts';
import type { Dependency } from './dependencies.ts';

export interface Knowledge {
  readonly clock: Clock;
  readonly catalogue: Catalogue;
  readonly health: Health;
  readonly scheduler: Scheduler;
  readonly upstreams: readonly Upstream[];
  readonly models: ModelTable;
  readonly limits: BodyLimits;
  /** For blobs, which are larger and slower than any other body. */
  readonly blobLimits: BodyLimits;
  /** Asks an upstream at once what it offers, after its models were changed. Never rejects. */
  readonly refresh: (upstream: Upstream) => Promise<void>;
  /** Told of a model that was pulled or made there, once the catalogue knows of it. */
  readonly onDeployed: (upstream: Upstream, model: string) => void;
  readonly accepting: () => boolean;
  readonly auditor: Auditor;
  readonly readiness: () => Readiness;
  /** What cannot be reached, by name. */
  readonly degraded: () => readonly string[];
  readonly dependencies: () => readonly Dependency[];
  readonly renderMetrics: () => Promise<{ contentType: string; text: string }>;
}

/** `starting` until it was once known which keys there are; `full` while there is no memory for more work. */
export type Readiness = 'ready' | 'starting' | 'full' | 'draining';
