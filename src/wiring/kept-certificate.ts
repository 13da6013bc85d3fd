/** The certificate of a listener over time: renewed when its files change, and never replaced by a worse one (P10). */
import { writeFile } from 'node:fs/promises';
import type { Clock, Timer } from '../lib/clock.ts';
import {
  type Certificate,
  CertificateError,
  type CertificateFiles,
  dateText,
  dateTrouble,
  readCertificate,
} from '../net/certificate.ts';
import type { Log } from '../telemetry/log.ts';
import { FileWatch } from './watch-files.ts';

export interface KeptCertificateOptions {
  readonly files: CertificateFiles;
  /** Where they are named: `listen.tls`. */
  readonly setting: string;
  /** Where a copy of what is shown lies, for programs on this machine: the files may hold another one already. */
  readonly copy: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** In the data folder. */
export const certificateCopies = {
  clients: 'clients-certificate.pem',
  admin: 'admin-certificate.pem',
} as const;

const fileQuietMs = 150;
const dayMs = 86_400_000;

export class KeptCertificate {
  readonly #options: KeptCertificateOptions;
  readonly #watching: FileWatch;
  #current: Certificate;
  #present: (certificate: Certificate) => void = () => {};
  #daily: Timer | undefined;
  #renewal: Promise<unknown> = Promise.resolve();

  /** Throws `CertificateError` when there is none to begin with. */
  static async open(options: KeptCertificateOptions): Promise<KeptCertificate> {
    const kept = new KeptCertificate(options, await readCertificate(options.files));
    await kept.#writeCopy();
    return kept;
  }

  private constructor(options: KeptCertificateOptions, certificate: Certificate) {
    this.#options = options;
    this.#current = certificate;
    this.#watching = this.#watch();
    this.#lookAtDates();
  }

  get current(): Certificate {
    return this.#current;
  }

  /** From now on `present` is told of each new one. */
  presentBy(present: (certificate: Certificate) => void): void {
    this.#present = present;
  }

  /** Reads the files again. Resolves to why they were not taken over, if they were not; never rejects. */
  renew(): Promise<string | undefined> {
    // One after the other, so that what was read last is what stays.
    const renewal = this.#renewal.then(() => this.#renew());
    this.#renewal = renewal;
    return renewal;
  }

  close(): void {
    this.#watching.close();
    this.#daily?.cancel();
  }

  async #renew(): Promise<string | undefined> {
    const { files, setting, log } = this.#options;
    try {
      const next = await readCertificate(files);
      if (next.fingerprint === this.#current.fingerprint && next.key.equals(this.#current.key))
        return undefined;
      this.#refuseExpired(next);
      this.#present(next);
      this.#current = next;
      await this.#writeCopy();
      log.info(
        { setting, message: `valid until ${dateText(next.validToMs)}` },
        'a new certificate is presented',
      );
      this.#lookAtDates();
      return undefined;
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      log.error({ setting, message }, 'the certificate is refused; the one before stays');
      return `${setting}: ${message}; the certificate before it stays`;
    }
  }

  async #writeCopy(): Promise<void> {
    const { copy, log } = this.#options;
    try {
      await writeFile(copy, this.#current.cert, { mode: 0o600 });
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      log.warn({ file: copy, message }, 'programs on this machine will not know the certificate');
    }
  }

  #refuseExpired(next: Certificate): void {
    const nowMs = this.#options.clock.wall();
    if (next.validToMs > nowMs || this.#current.validToMs <= nowMs) return;
    throw new CertificateError(`${this.#options.files.cert} has expired on ${dateText(next.validToMs)}`);
  }

  /** At once, and once a day from then on: a gateway may run for longer than a certificate. */
  #lookAtDates(): void {
    const { clock, log, setting } = this.#options;
    const trouble = dateTrouble(this.#current, clock.wall());
    if (trouble !== undefined) log.warn({ setting, message: trouble }, 'the certificate needs to be renewed');
    this.#daily?.cancel();
    this.#daily = clock.after(dayMs, () => this.#lookAtDates());
  }

  #watch(): FileWatch {
    const { files, clock, log } = this.#options;
    const watching = new FileWatch({
      clock,
      quietMs: fileQuietMs,
      onChange: () => void this.renew(),
      onTrouble: (folder, trouble) =>
        log.warn(
          { file: folder, message: trouble.message },
          'new certificates are not noticed here; they are read at a reload',
        ),
    });
    watching.follow([files.cert, files.key]);
    return watching;
  }
}
