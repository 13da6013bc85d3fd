/** What the admin API listens on: TLS or not, from which addresses, with a certificate that may change. */
import { lookup } from 'node:dns/promises';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import { createAddressList } from '../net/address-list.ts';
import { Doorkeeper } from '../net/doorkeeper.ts';
import { createHttpServer, type HttpServer } from '../net/http-server.ts';
import { type ListenPlace, listen } from '../net/listen.ts';
import { oneAtATime } from '../net/one-at-a-time.ts';
import { openRedirectListener, type RedirectListener } from '../net/redirect-listener.ts';
import type { Log } from '../telemetry/log.ts';
import { certificateCopies, KeptCertificate } from '../wiring/kept-certificate.ts';
import { createRefusalLog } from '../wiring/refusal-log.ts';

export interface AdminListenerOptions {
  readonly admin: Pick<Config['admin'], 'tls' | 'allow' | 'connectionsMax'>;
  /** The folder for what the gateway keeps. */
  readonly data: string;
  readonly clock: Clock;
  readonly log: Log;
}

const headersMs = 10_000;

export class AdminListener {
  readonly #options: AdminListenerOptions;
  readonly #kept: KeptCertificate | undefined;
  readonly #doorkeeper: Doorkeeper;
  /** One, or two where `localhost` means two addresses. */
  readonly #servers: HttpServer[] = [];
  #redirect: RedirectListener | undefined;

  /** Throws `CertificateError`. */
  static async open(options: AdminListenerOptions): Promise<AdminListener> {
    const { admin, clock, log } = options;
    const { tls: files } = admin;
    const kept =
      files === undefined
        ? undefined
        : await KeptCertificate.open({
            files,
            setting: 'admin.tls',
            copy: join(options.data, certificateCopies.admin),
            clock,
            log,
          });
    return new AdminListener(options, kept);
  }

  private constructor(options: AdminListenerOptions, kept: KeptCertificate | undefined) {
    const { admin, clock, log } = options;
    this.#options = options;
    this.#kept = kept;
    this.#doorkeeper = new Doorkeeper({
      allow: admin.allow.length === 0 ? undefined : createAddressList(admin.allow),
      onRefused: createRefusalLog({ clock, log, setting: 'admin' }),
    });
    kept?.presentBy((certificate) => {
      for (const each of this.#servers) each.present(certificate);
    });
  }

  /** What every reply says besides its own. */
  get headers(): readonly string[] {
    return this.#servers[0]?.headers ?? [];
  }

  /** Where those who come without TLS are sent on from, if that is asked for. */
  get redirectPort(): number | undefined {
    return this.#redirect?.port;
  }

  /** Whether the certificate is for this name: no other site can point it at us and speak our TLS. */
  covers(host: string): boolean {
    return this.#kept?.current.covers(host) === true;
  }

  /** Resolves to the port. Where `localhost` means two addresses, the second is taken if it is to be had. */
  async listen(place: ListenPlace, answer: RequestListener): Promise<number> {
    const first = this.#createServer(answer);
    await listen(first, place);
    const { address, port } = first.address() as AddressInfo;
    const redirectFrom = this.#options.admin.tls?.redirectFrom;
    if (redirectFrom !== undefined) {
      this.#redirect = await openRedirectListener(redirectFrom, {
        doorkeeper: this.#doorkeeper,
        toPort: port,
      });
    }
    if (place.host.toLowerCase() !== 'localhost') return port;
    const others = (await lookup(place.host, { all: true })).filter((other) => other.address !== address);
    // What is not there, such as IPv6 where it is switched off, nobody can ask for us at.
    await Promise.allSettled(
      others.map((other) => listen(this.#createServer(answer), { host: other.address, port })),
    );
    return port;
  }

  #createServer(answer: RequestListener): HttpServer['server'] {
    const { tls } = this.#options.admin;
    const certificate = this.#kept?.current;
    const created = createHttpServer(
      {
        maxHeaderSize: 16 * 1024,
        headersTimeout: headersMs,
        requestTimeout: headersMs,
        keepAliveTimeout: 65_000,
        handshakeMs: headersMs,
      },
      tls === undefined || certificate === undefined ? undefined : { ...tls, certificate },
    );
    created.server.maxConnections = this.#options.admin.connectionsMax;
    this.#doorkeeper.guard(created.server);
    created.server.on('request', oneAtATime(answer));
    this.#servers.push(created);
    return created.server;
  }

  /** Reads the certificate's files again; resolves to what is wrong with them. */
  async renewCertificate(): Promise<readonly string[]> {
    const trouble = await this.#kept?.renew();
    return trouble === undefined ? [] : [trouble];
  }

  /** Cuts all connections: whoever keeps one open must not keep the process. */
  async close(): Promise<void> {
    this.#kept?.close();
    await Promise.all([this.#redirect?.close(), ...this.#servers.map(closed)]);
  }
}

function closed({ server, cut }: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    // One that never listened says so, and is closed as well.
    server.close(() => resolve());
    cut();
  });
}
