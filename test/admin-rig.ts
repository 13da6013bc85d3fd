/** A whole gateway with its admin listener, and a way to ask it under any name. */
import { type AdminOptions, openAdmin } from '../src/admin/admin.ts';
import type { AdminRoute } from '../src/admin/route.ts';
import { Configuration } from '../src/config/configuration.ts';
import type { Role } from '../src/core/exchange.ts';
import { AppliedConfig } from '../src/wiring/applied-config.ts';
import { Reloader } from '../src/wiring/reload.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts';

export interface TestAdmin {
  readonly gateway: TestGateway;
  readonly url: string;
  readonly port: number;
  /** Where those who come without TLS are sent on from, if that is asked for. */
  readonly redirectPort: number | undefined;
  readonly token: string;
  /** As a changed file is noticed. */
  readonly reloader: Reloader;
  readonly routes: readonly AdminRoute[];
  /** By the admin token unless `as` is another credential, or null for none. */
  ask(path: string, given?: AskOptions): Promise<Asked>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly as?: string | null;
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

const token = 'mr-admin-3f9c1d7be2a84c06b5d1e0f7a9c83b42';

/** A key for each role, in the tenant that runs the gateway and in another one. */
export const roleKeys = (tenant: string) =>
  (['owner', 'admin', 'operator', 'developer', 'viewer', 'billing'] as const satisfies readonly Role[]).map(
    (role) => ({ name: `${tenant}-${role}`, key: keyOf(tenant, role), role, tenant, user: `${role}-person` }),
  );

export function keyOf(tenant: string, role: Role): string {
  return `sk-mr-${tenant}-${role}-c2f9a7d1e4b80356`;
}

export async function openTestAdmin(
  options: TestGatewayOptions & { readonly admin?: Partial<AdminOptions['admin']> } = {},
): Promise<TestAdmin> {
  const gateway = await openTestGateway(options);
  const { clock, log, shared, store } = gateway.gateway.lasting;
  const configuration = new Configuration({ path: gateway.file, environment: {}, clock });
  const applied = await AppliedConfig.open(configuration);
  const reloader = new Reloader({
    gateway: gateway.gateway,
    log,
    started: await applied.load(),
    load: () => applied.load(),
    onLoaded: (loaded) => applied.taken(loaded),
    renewCertificates: async () => [],
  });
  applied.follow({
    versions: store.configVersions,
    presence: shared.presence,
    reloader,
    clock,
    log,
    alone: gateway.gateway.snapshot.config.store === 'sqlite',
  });
  const admin = await openAdmin({
    gateway: gateway.gateway,
    reloader,
    applied,
    version: '0.0.0',
    configFiles: () => reloader.loaded.files,
    admin: {
      listen: { host: '127.0.0.1', port: 0 },
      tls: undefined,
      allow: [],
      connectionsMax: 256,
      changesPerMinute: 1_200,
      reportsAtOnce: 8,
      ...options.admin,
    },
    token,
  });
  const url = `http://127.0.0.1:${admin.port}`;
  return {
    gateway,
    url,
    port: admin.port,
    redirectPort: admin.redirectPort,
    token,
    reloader,
    routes: (await admin.api()).routes,
    ask: async (asked, { as = token, method = 'GET', body, headers = {} } = {}) => {
      const answer = await fetch(`${url}/admin/api/v1/${asked}`, {
        method,
        headers: {
          ...(as === null ? {} : { authorization: `Bearer ${as}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.includes('json') === true;
      return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
    },
    close: async () => {
      await admin.close();
      await applied.close();
      await gateway.close();
    },
  };
}
