/** Two gateways in processes of their own behind nginx, and clients that never pause. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { formatListenAddress } from '../../src/net/listen-address.ts';
import { openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { openNginx, outside } from '../security/fronts.ts';
import { freePort } from '../servers/free-port.ts';
import type { openRedisServer } from '../servers/redis-server.ts';

export interface Replica {
  readonly running: RunningProcess;
  /** Starts it anew on its port, of this version or of the other; it has ended. */
  start(version?: Version): Promise<void>;
}

export type Version = 'this' | 'other';

/** A checkout of another version, with what it needs installed. Without one both versions are this one. */
const otherFolder = process.env['MILLRACE_OTHER'];

export const versions = {
  this: undefined,
  other: otherFolder === undefined ? undefined : resolve(otherFolder, 'src/main.ts'),
} as const;

export interface Rolling {
  readonly url: string;
  readonly key: string;
  readonly replicas: readonly Replica[];
}

const key = `sk-mr-${randomBytes(20).toString('hex')}`;

/** Everything on that is written where the other version reads it. */
const identity = { pepper: 'q3Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
/** Generous: nobody here comes near any of them. */
const spending = {
  limits: [
    { per: 'key', requests: '1000000/min', burst: 10_000 },
    // Places of one that was killed are taken for half a minute.
    { per: 'tenant', tokens: '1000M/min', concurrent: 100_000 },
  ],
  budgets: [{ per: 'tenant', usd: 1_000_000, window: 'month' }],
  prices: { fast: { inputPerM: 1, outputPerM: 10 } },
};

/** As docs/zero-downtime.md has it. */
const site = (ports: readonly number[], port: number) => `
upstream millrace {
  ${ports.map((each) => `server 127.0.0.1:${each} max_fails=0;`).join(' ')}
}
server {
  listen ${formatListenAddress({ host: outside.host, port })};
  location / {
    proxy_pass http://millrace;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    proxy_read_timeout 600s;
    proxy_connect_timeout 1s;
    proxy_next_upstream error non_idempotent;
    proxy_next_upstream_tries 2;
  }
}`;

export interface RollingOptions {
  readonly redis: Awaited<ReturnType<typeof openRedisServer>>;
  /** Where the fake server is, in OpenAI's dialect. */
  readonly llm: string;
  /** A database that both use, where they do not each have their own. */
  readonly store?: string;
  /** What they begin with. */
  readonly version?: Version;
  readonly drain: { preStopMs: number; requestsMs: number; streamsMs: number };
}

export async function openRolling(t: TestContext, options: RollingOptions): Promise<Rolling> {
  const ports = [await freePort(), await freePort()];
  const replicas = await Promise.all(ports.map((port) => openReplica(t, port, options)));
  const nginx = await openNginx((port) => site(ports, port));
  t.after(() => nginx.close());
  const url = `http://${formatListenAddress({ host: outside.host, port: nginx.port })}`;
  return { url, key, replicas };
}

async function openReplica(
  t: TestContext,
  port: number,
  { redis, llm, drain, store, version: first = 'this' }: RollingOptions,
): Promise<Replica> {
  const place = await openPlace();
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      shared: redis.url,
      ...spending,
      ...(store === undefined ? {} : { store, identity }),
      keys: [{ name: 'rolling', key, tenant: 'default', role: 'developer' }],
      // More than anybody here uses: what a killed one held is not given to others for ten seconds.
      upstreams: { llm: { type: 'openai', url: llm, slots: 2_000 } },
      models: Object.fromEntries(
        ['m', 'fast'].map((name) => [name, { targets: [{ upstream: 'llm', model: name }] }]),
      ),
      drain,
    }),
  );
  const open = (version: Version) =>
    serve(['--config', 'millrace.yaml'], {
      place,
      ...(versions[version] === undefined ? {} : { program: versions[version] }),
      environment: {
        MILLRACE__LISTEN__ADDRESS: `127.0.0.1:${port}`,
        MILLRACE__DRAIN__PRE_STOP_MS: String(drain.preStopMs),
      },
    });
  let running = await open(first);
  t.after(async () => {
    await running.stop('SIGKILL');
    await place[Symbol.asyncDispose]();
  });
  return {
    get running() {
      return running;
    },
    start: async (version = first) => {
      running = await open(version);
    },
  };
}
