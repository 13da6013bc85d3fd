/** What is kept in place of a key: its HMAC by the pepper, which lies elsewhere, so that a dump opens nothing (G2). */
import { createHmac } from 'node:crypto';

export interface Digester {
  /** What to keep of a new key. It names its pepper, so that whoever has another one knows that it cannot tell. */
  digest(key: string): string;
  /** What may have been kept of a key: by this pepper, and by those before while they are still given. */
  candidates(key: string): readonly string[];
  /** Whether this is the fingerprint of a pepper that is known here. */
  knows(fingerprint: string): boolean;
  /** Of what lies in a file beside the gateway. */
  sign(): Signature;
  /** As any of the peppers signs: a file may have been written before the last rotation. */
  signatures(): readonly Signature[];
}

export interface Signature {
  add(text: string): void;
  /** In base64url. */
  end(): string;
}

/** `before` are the peppers of earlier times, whose keys go on. */
export function createDigester(pepper: string, before: readonly string[] = []): Digester {
  const current = withFingerprint(pepper);
  const all = [...new Set([pepper, ...before])].map(withFingerprint);
  return {
    digest: (key) => digestBy(current, key),
    candidates: (key) => all.map((each) => digestBy(each, key)),
    knows: (fingerprint) => all.some((each) => each.fingerprint === fingerprint),
    sign: () => createSignature(pepper),
    signatures: () => all.map(({ text }) => createSignature(text)),
  };
}

/** Which pepper a digest is by. */
export function fingerprintOf(digest: string): string {
  return digest.slice(0, digest.indexOf('.'));
}

interface Pepper {
  readonly text: string;
  readonly fingerprint: string;
}

/** The fingerprint tells nothing of the pepper, and 48 bits are enough to tell two apart. */
function withFingerprint(text: string): Pepper {
  const digest = createHmac('sha256', text).update('millrace fingerprint').digest('base64url');
  return { text, fingerprint: digest.slice(0, 8) };
}

function digestBy({ text, fingerprint }: Pepper, key: string): string {
  return `${fingerprint}.${createHmac('sha256', text).update(key).digest('base64url')}`;
}

/** With words in front that no key begins with: what signs files never makes the digest of a key. */
function createSignature(pepper: string): Signature {
  const hmac = createHmac('sha256', pepper).update('millrace file\n');
  return {
    add: (text) => void hmac.update(text),
    end: () => hmac.digest('base64url'),
  };
}
