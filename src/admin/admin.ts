/**
 * The operators' listener: its own port, its own token, nothing of it on the way of a request. It is there from the start;
 * what it answers with is loaded by its first request, because most gateways are never asked anything there.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config/schema.ts';
import { withYoungGenerationHeld } from '../lib/young-generation.ts';
import type { AdminApi } from './admin-api.ts';
import { AdminListener } from './admin-listener.ts';
import { loadApi } from './load-api.ts';
import type { Seen } from './views.ts';

export interface AdminOptions extends Seen {
  readonly admin: Pick<
    Config['admin'],
    'listen' | 'tls' | 'allow' | 'connectionsMax' | 'changesPerMinute' | 'reportsAtOnce'
  >;
  /** At least 32 characters: the configuration sees to it. */
  readonly token: string;
}

export interface Admin {
  readonly port: number;
  /** Where those who come without TLS are sent on from, if that is asked for. */
  readonly redirectPort: number | undefined;
  /** Loads what it answers with, if no request did so yet. */
  api(): Promise<AdminApi>;
  /** Reads the certificate's files again; resolves to what is wrong with them. */
  renewCertificate(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const { lasting, snapshot } = options.gateway;
  const { clock, log } = lasting;
  const { data } = snapshot.config;
  const listener = await AdminListener.open({ admin: options.admin, data, clock, log });
  let loading: Promise<AdminApi> | undefined;
  let loaded: AdminApi | undefined;
  const openApi = () =>
    withYoungGenerationHeld(async () => {
      const { openAdminApi } = await loadApi();
      return await openAdminApi(options, listener);
    });
  const api = () => {
    loading ??= openApi().then(
      (api) => {
        loaded = api;
        return api;
      },
      (mistake: unknown) => {
        // The next request tries again.
        loading = undefined;
        throw mistake;
      },
    );
    return loading;
  };
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (loaded !== undefined) return loaded.answer(request, response);
    api().then(
      (api) => api.answer(request, response),
      (mistake: unknown) => {
        log.error(
          { cause: mistake instanceof Error ? mistake.stack : mistake },
          'the admin API cannot be loaded',
        );
        response.writeHead(500, { connection: 'close' }).end();
      },
    );
  };
  const close = async () => {
    await listener.close();
    await (await loading?.catch(() => undefined))?.close();
  };
  try {
    const port = await listener.listen(options.admin.listen, answer);
    const { redirectPort } = listener;
    return { port, redirectPort, api, renewCertificate: () => listener.renewCertificate(), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
