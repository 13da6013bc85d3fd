/** The certificate and key of a listener, read from their files and tried out before anyone is shown them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';

export interface CertificateFiles {
  /** PEM: the listener's own certificate first, then those that lead to a known authority. */
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  /** Both as they stand in the files. */
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Tells one certificate from another. */
  readonly fingerprint: string;
  /** Whether it is for this name or address. */
  covers(host: string): boolean;
}

/** Why a pair cannot be used, in words that name the file. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** Throws `CertificateError`. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([read(files.cert), read(files.key)]);
  const leaf = parseLeaf(cert, files.cert);
  if (!leaf.checkPrivateKey(parseKey(key, files.key))) {
    throw new CertificateError(`${files.key} is not the key of the certificate in ${files.cert}`);
  }
  // OpenSSL has opinions of its own, such as on keys that are too short.
  attempt(() => createSecureContext({ cert, key }), `${files.cert} is refused by OpenSSL`);
  return {
    cert,
    key,
    validFromMs: leaf.validFromDate.getTime(),
    validToMs: leaf.validToDate.getTime(),
    fingerprint: leaf.fingerprint256,
    covers: (host) => isFor(leaf, host),
  };
}

/** Node throws on what is neither a name nor an address. */
function isFor(leaf: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return leaf.checkIP(host) !== undefined;
  return /^[a-z0-9._-]{1,253}$/i.test(host) && leaf.checkHost(host) !== undefined;
}

const dayMs = 86_400_000;
const expiryWarningDays = 14;

/** What its owner should know about the dates of a certificate. */
export function dateTrouble({ validFromMs, validToMs }: Certificate, nowMs: number): string | undefined {
  if (nowMs < validFromMs) return `is not valid before ${dateText(validFromMs)}`;
  const daysLeft = (validToMs - nowMs) / dayMs;
  if (daysLeft <= 0) return `has expired on ${dateText(validToMs)}`;
  if (daysLeft > expiryWarningDays) return undefined;
  const left = daysLeft < 1 ? 'in less than a day' : `in ${Math.floor(daysLeft)} days`;
  return `expires ${left}, on ${dateText(validToMs)}`;
}

export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** A chain of certificates has a few KiB. */
const fileBytesMax = 1024 * 1024;

async function read(file: string): Promise<Buffer> {
  try {
    await using handle = await open(file);
    const facts = await handle.stat();
    if (!facts.isFile()) throw new CertificateError(`${file} is not a file`);
    if (facts.size > fileBytesMax)
      throw new CertificateError(`${file} is too large for a certificate or key`);
    return await handle.readFile();
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new CertificateError(`${file} cannot be read (${code})`, { cause });
  }
}

function parseLeaf(pem: Buffer, file: string): X509Certificate {
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw new CertificateError(`${file} holds no certificate in PEM`);
  }
  return attempt(() => new X509Certificate(pem), `${file} holds no certificate that can be read`);
}

function parseKey(pem: Buffer, file: string): KeyObject {
  if (pem.includes('ENCRYPTED')) {
    throw new CertificateError(`${file} is encrypted; the gateway needs the key without a passphrase`);
  }
  return attempt(() => createPrivateKey(pem), `${file} holds no private key in PEM`);
}

function attempt<T>(make: () => T, otherwise: string): T {
  try {
    return make();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new CertificateError(`${otherwise}${code}`, { cause });
  }
}
