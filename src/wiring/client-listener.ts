/** The clients' listener as the configuration wants it: who may connect, over TLS or not, called by which pages. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Received } from '../core/exchange.ts';
import type { Handler } from '../core/stage.ts';
import type { Clock } from '../lib/clock.ts';
import { createAddressList } from '../net/address-list.ts';
import { createCors } from '../net/cors.ts';
import { Doorkeeper } from '../net/doorkeeper.ts';
import { type Listener, openListener } from '../net/listener.ts';
import { openRedirectListener, type RedirectListener } from '../net/redirect-listener.ts';
import type { Log } from '../telemetry/log.ts';
import { certificateCopies, KeptCertificate } from './kept-certificate.ts';
import { createRefusalLog } from './refusal-log.ts';

export interface ClientListenerOptions {
  readonly config: Pick<Config, 'listen' | 'data'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The methods of the routes. */
  readonly methods: readonly string[];
  readonly handler: () => Handler<Received>;
  /** Whether other processes of this gateway listen at the same place. */
  readonly reusePort?: boolean;
}

export interface ClientListener extends Listener {
  /** Where those who come without TLS are sent on from, if that is asked for. */
  readonly redirectPort: number | undefined;
  /** Reads the certificate's files again; resolves to what is wrong with them. */
  renewCertificate(): Promise<readonly string[]>;
}

export async function openClientListener(options: ClientListenerOptions): Promise<ClientListener> {
  const { config, clock, log, reusePort } = options;
  const { listen, data } = config;
  const { tls } = listen;
  const kept =
    tls === undefined
      ? undefined
      : await KeptCertificate.open({
          files: tls,
          setting: 'listen.tls',
          copy: join(data, certificateCopies.clients),
          clock,
          log,
        });
  const doorkeeper = createDoorkeeper(options);
  let listener: Listener | undefined;
  try {
    listener = await openListener(
      { ...listen.address, reusePort },
      {
        clock,
        keepAliveMs: listen.keepAliveMs,
        headersMs: listen.headersMs,
        connectionsMax: listen.connectionsMax,
        stallMs: listen.stallMs,
        handler: options.handler,
        doorkeeper,
        cors:
          listen.cors.length === 0
            ? undefined
            : createCors({ origins: listen.cors, methods: options.methods }),
        tls: tls === undefined || kept === undefined ? undefined : { ...tls, certificate: kept.current },
      },
    );
    kept?.presentBy(listener.present);
    const redirect =
      tls?.redirectFrom === undefined
        ? undefined
        : await openRedirectListener(
            { ...tls.redirectFrom, reusePort },
            { doorkeeper, toPort: listener.port },
          );
    return withCompanions(listener, { kept, redirect });
  } catch (thrown) {
    kept?.close();
    await listener?.close(0);
    throw thrown;
  }
}

function createDoorkeeper({ config, clock, log }: ClientListenerOptions): Doorkeeper {
  const { listen } = config;
  const listOf = (texts: readonly string[]) => (texts.length === 0 ? undefined : createAddressList(texts));
  return new Doorkeeper({
    allow: listOf(listen.allow),
    trustedProxies: listOf(listen.trustedProxies),
    connectionsPerAddress: listen.connectionsPerAddress,
    onRefused: createRefusalLog({ clock, log, setting: 'listen' }),
  });
}

interface Companions {
  readonly kept: KeptCertificate | undefined;
  readonly redirect: RedirectListener | undefined;
}

function withCompanions(listener: Listener, { kept, redirect }: Companions): ClientListener {
  return {
    port: listener.port,
    get inFlight() {
      return listener.inFlight;
    },
    redirectPort: redirect?.port,
    present: listener.present,
    wane: listener.wane,
    renewCertificate: async () => {
      const trouble = await kept?.renew();
      return trouble === undefined ? [] : [trouble];
    },
    close: async (graceMs) => {
      kept?.close();
      await Promise.all([redirect?.close(), listener.close(graceMs)]);
    },
  };
}
