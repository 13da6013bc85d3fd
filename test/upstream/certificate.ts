// Certificates made where they are needed, so that no key lies in a file: X.509 by hand, as little of it as works.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Identity {
  /** Both in PEM. */
  readonly cert: string;
  readonly key: string;
}

export type Fault = 'none' | 'expired' | 'wrong name' | 'self-signed';

export interface Authority {
  /** In PEM: whoever trusts it trusts what it issued. */
  readonly cert: string;
  /** For `localhost` and `127.0.0.1`, unless that is what is wrong. */
  issue(fault: Fault): Identity;
}

export function createAuthority(): Authority {
  const root = makeKeys();
  const cert = certificate({ ...honest, subject: 'Test CA', names: undefined, keys: root, signer: root });
  return {
    cert,
    issue: (fault) => {
      const keys = makeKeys();
      const signer = fault === 'self-signed' ? keys : root;
      const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      return { cert: certificate({ ...honest, ...faulty[fault], keys, signer }), key };
    },
  };
}

interface Claims {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly Buffer[] | undefined;
  readonly days: readonly [from: number, to: number];
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const makeKeys = (): Keys => generateKeyPairSync('ec', { namedCurve: 'P-256' });

function certificate(given: Claims & { readonly keys: Keys; readonly signer: Keys }): string {
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ecdsaWithSha256,
    name(given.issuer),
    sequence(...given.days.map((days) => time(days))),
    name(given.subject),
    given.keys.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(given.names === undefined ? isAuthority : alternativeNames(given.names))),
  );
  const signature = sign('sha256', body, given.signer.privateKey);
  const whole = sequence(body, ecdsaWithSha256, bitString(signature));
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** DER: a tag, a length, and what it holds. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, ...parts);
const integer = (bytes: Buffer): Buffer => tagged(0x02, bytes);
const bitString = (bytes: Buffer): Buffer => tagged(0x03, Buffer.of(0), bytes);
const identifier = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));
const extension = (id: string, value: Buffer): Buffer => sequence(identifier(id), tagged(0x04, value));

const commonName = '550403';
const name = (text: string): Buffer =>
  sequence(tagged(0x31, sequence(identifier(commonName), tagged(0x0c, Buffer.from(text)))));

/** A moment so many days from now. */
function time(days: number): Buffer {
  const iso = new Date(Date.now() + days * 86_400_000).toISOString();
  return tagged(0x18, Buffer.from(`${iso.replace(/\D/g, '').slice(0, 14)}Z`));
}

const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'));
const isAuthority = extension('551d13', sequence(tagged(0x01, Buffer.of(0xff))));
const alternativeNames = (names: readonly Buffer[]): Buffer => extension('551d11', sequence(...names));
const dnsName = (text: string): Buffer => tagged(0x82, Buffer.from(text));
const ipAddress = (...octets: readonly number[]): Buffer => tagged(0x87, Buffer.from(octets));

const honest: Claims = {
  subject: 'localhost',
  issuer: 'Test CA',
  names: [dnsName('localhost'), ipAddress(127, 0, 0, 1)],
  days: [-2, 2],
};

const faulty: Readonly<Record<Fault, Partial<Claims>>> = {
  none: {},
  expired: { days: [-2, -1] },
  'wrong name': { subject: 'elsewhere.example', names: [dnsName('elsewhere.example')] },
  'self-signed': { issuer: 'localhost' },
};
