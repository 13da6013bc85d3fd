/** What the admin API says, in the words that its clients read it by too. */
import { z } from 'zod';
import { next } from './listed-page.ts';

export const statusShape = z.object({
  version: z.string(),
  pid: z.int(),
  startedAt: z.iso.datetime(),
  uptimeS: z.int(),
  configId: z.string(),
  configFiles: z.array(z.string()),
  accepting: z.boolean(),
  /** Gateways that share state with this one, itself included. */
  replicas: z.int(),
  /** What cannot be reached. */
  degraded: z.array(z.string()),
  /** Exchanges that are being served at this moment. */
  inFlight: z.int(),
  /** Requests that wait for a slot. */
  waiting: z.int(),
  rssBytes: z.int(),
  /** The processes that serve, where there are several: all else is of them together. */
  workers: z
    .array(
      z.object({
        worker: z.int(),
        pid: z.int(),
        startedAt: z.iso.datetime(),
        configId: z.string(),
        accepting: z.boolean(),
        inFlight: z.int(),
        waiting: z.int(),
        rssBytes: z.int(),
      }),
    )
    .optional(),
});

export const problemShape = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  path: z.string(),
  message: z.string(),
  hint: z.string().optional(),
});

export const reloadedShape = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.enum(['taken', 'unchanged']),
    configId: z.string(),
    needsRestart: z.array(z.string()),
    warnings: z.array(z.string()),
    /** Which configuration each worker serves by now, where there are several; and why, where it is another one. */
    workers: z
      .array(z.object({ worker: z.int(), configId: z.string(), trouble: z.string().optional() }))
      .optional(),
  }),
  z.object({ outcome: z.literal('refused'), configId: z.string(), problems: z.array(problemShape) }),
]);

export const upstreamsShape = z.object({
  upstreams: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      /** Absent for engines inside the gateway. */
      url: z.string().optional(),
      state: z.enum(['unknown', 'up', 'down']),
      inFlight: z.int(),
      slots: z.int(),
      failures: z.int(),
      lastFailure: z.string().optional(),
      lastHeardAt: z.iso.datetime().optional(),
      /** How much may be sent there: nothing while open, one request on trial, more and more while returning. */
      standing: z.enum(['closed', 'open', 'trial', 'returning']),
      nextTryAt: z.iso.datetime().optional(),
      /** What it has and is not asked for, because that failed. */
      modelsOut: z.array(z.string()),
      /** An operator wants nothing new sent there; absent where nobody does. */
      drained: z.object({ by: z.string(), since: z.iso.datetime() }).optional(),
      models: z.array(z.string()),
    }),
  ),
  next,
});

export const modelsShape = z.object({
  defaultModel: z.string().optional(),
  models: z.array(
    z.object({
      name: z.string(),
      /** Whether the configuration names it or an upstream offers it by itself. */
      from: z.enum(['configuration', 'upstream']),
      policy: z.string(),
      targets: z.array(
        z.object({
          upstream: z.string(),
          model: z.string(),
          tier: z.int(),
          /** Where it is: nothing new is sent there. */
          drained: z.literal(true).optional(),
        }),
      ),
    }),
  ),
  next,
});

export const psShape = z.object({
  /** Requests that wait for a slot; they wait for whichever comes first, not for one upstream. */
  waiting: z.int(),
  running: z.array(
    z.object({
      model: z.string(),
      upstream: z.string(),
      state: z.enum(['unknown', 'up', 'down']),
      /** Where the upstream is: nothing new is sent there. */
      drained: z.literal(true).optional(),
      inFlight: z.int(),
      /** Of the upstream, for all its models together: those that this gateway may use. */
      slots: z.int(),
      /** How that is known; `leased` where other replicas have some of them. */
      slotsFrom: z.enum(['configured', 'told', 'learnt', 'assumed', 'leased']),
      /** Requests that wait and could be served here; each stands in the rows of all servers that would do. */
      queued: z.int(),
      /** Whether the model is in the server's memory, as far as it tells or shows. */
      inMemory: z.enum(['yes', 'no', 'unknown']),
      /** Absent where the upstream does not tell. */
      loaded: z
        .object({
          bytes: z.number().optional(),
          gpuBytes: z.number().optional(),
          until: z.string().optional(),
        })
        .optional(),
    }),
  ),
  /** What is known of the upstreams' machines. Utilisation is absent where no exporter tells of it. */
  machines: z.array(
    z.object({
      upstream: z.string(),
      /** Since this gateway knows it. */
      loads: z.int(),
      loadMs: z.int(),
      evictions: z.int(),
      gpuPercent: z.number().optional(),
      gpuUsedBytes: z.number().optional(),
      gpuTotalBytes: z.number().optional(),
      cpuPercent: z.number().optional(),
      memoryUsedBytes: z.number().optional(),
      memoryTotalBytes: z.number().optional(),
    }),
  ),
});

export const configuredKeysShape = z.object({
  auth: z.enum(['keys', 'jwt', 'both', 'none']),
  keys: z.array(
    z.object({
      name: z.string(),
      tenant: z.string(),
      role: z.string(),
      from: z.enum(['data', 'configuration']),
      scopes: z.object({
        models: z.array(z.string()),
        routes: z.array(z.string()),
        addresses: z.array(z.string()),
      }),
      expiresAt: z.iso.datetime().nullable(),
    }),
  ),
  next,
});

/** RFC 9457. */
export const problemDetailsShape = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  /** What programs go by: `conflict`, `forbidden`. */
  code: z.string().optional(),
});
