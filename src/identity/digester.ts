/** What is kept in place of a key: its HMAC by the pepper, which lies elsewhere, so that a dump opens nothing (G2). */
import { createHmac } from 'node:crypto';

export interface Digester {
  /** What to keep of a new key. It names its pepper, so that whoever has another one knows that it cannot tell. */
  digest(key: string): string;
  /** What may have been kept of a key: by this pepper, and by the one before while that is still given. */
  candidates(key: string): readonly string[];
  /** Whether a digest is by a pepper that is known here. */
  knows(digest: string): boolean;
  /** Signs what lies in a file beside the gateway. */
  sign(): Signature;
  /** One for each pepper: the file may have been signed before the last rotation. */
  signers(): readonly Signature[];
}

export interface Signature {
  add(text: string): void;
  /** In base64url. */
  end(): string;
}

export function createDigester(pepper: string, previous?: string): Digester {
  const peppers = previous === undefined ? [pepper] : [pepper, previous];
  const all = peppers.map((text) => ({ text, fingerprint: fingerprintOf(text) }));
  const digestBy = ({ text, fingerprint }: { text: string; fingerprint: string }, key: string) =>
    `${fingerprint}.${createHmac('sha256', text).update(key).digest('base64url')}`;
  const [current = { text: pepper, fingerprint: fingerprintOf(pepper) }] = all;
  return {
    digest: (key) => digestBy(current, key),
    candidates: (key) => all.map((each) => digestBy(each, key)),
    knows: (digest) => all.some(({ fingerprint }) => digest.startsWith(`${fingerprint}.`)),
    sign: () => createSignature(pepper),
    signers: () => peppers.map(createSignature),
  };
}

/** Of the pepper, and tells nothing of it: 48 bits are enough to tell two apart. */
function fingerprintOf(pepper: string): string {
  return createHmac('sha256', pepper).update('millrace fingerprint').digest('base64url').slice(0, 8);
}

/** With a word in front that no key begins with: what signs files never makes a digest of a key. */
function createSignature(pepper: string): Signature {
  const hmac = createHmac('sha256', pepper).update('millrace file\n');
  return {
    add: (text) => void hmac.update(text),
    end: () => hmac.digest('base64url'),
  };
}
