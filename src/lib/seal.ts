/**
 * AES-256-GCM over what must not be read where it lies. What is sealed tells with which key, and opens only as what it
 * was sealed as. Pure: where keys come from and how long they live is decided elsewhere.
 *
 *     version (1 byte) | key id (8) | nonce (12) | sealed bytes | tag (16)
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

export interface SealingKey {
  /** Tells keys apart, and tells nothing of the key. */
  readonly id: string;
  readonly idBytes: Uint8Array;
  /** As an object: nothing prints its bytes. */
  readonly key: KeyObject;
}

export const keyBytes = 32;
const version = 1;
const idBytes = 8;
export const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + idBytes;
const algorithm = 'aes-256-gcm';
const tagLength = { authTagLength: tagBytes } as const;

/** Why something does not open. The message never holds what was sealed. */
export class SealError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SealError';
  }
}

export function createSealingKey(bytes: Uint8Array): SealingKey {
  if (bytes.length !== keyBytes) throw new TypeError(`a key has ${keyBytes} bytes, this one ${bytes.length}`);
  const id = createHash('sha256').update('millrace key id').update(bytes).digest().subarray(0, idBytes);
  return { id: id.toString('base64url'), idBytes: id, key: createSecretKey(bytes) };
}

/** Seals with the first key, opens with any of them. */
export class KeyRing {
  readonly current: SealingKey;
  readonly #byId: ReadonlyMap<string, SealingKey>;

  constructor(current: SealingKey, others: readonly SealingKey[] = []) {
    this.current = current;
    this.#byId = new Map([...others, current].map((key) => [key.id, key]));
  }

  /** Keys for one purpose, the same wherever these are. They live as long as these do: none can be destroyed alone. */
  derive(purpose: string): KeyRing {
    const derived = (from: SealingKey) =>
      createSealingKey(new Uint8Array(hkdfSync('sha256', from.key, '', purpose, keyBytes)));
    const others = [...this.#byId.values()].filter((key) => key !== this.current);
    return new KeyRing(derived(this.current), others.map(derived));
  }

  /** Whoever gives a nonce sees to it that none comes twice with one key: else both could be read. */
  seal(plain: Uint8Array, about: string, nonce: Uint8Array = randomBytes(nonceBytes)): Buffer {
    return this.sealing(about).seal(plain, nonce);
  }

  /** For what is sealed again and again as the same thing. */
  sealing(about: string): Sealing {
    return new Sealing(this.current, about);
  }

  open(sealed: Uint8Array, about: string): Buffer {
    const key = this.#byId.get(keyIdOf(sealed));
    if (key === undefined)
      throw new SealError(`it is sealed with the key ${keyIdOf(sealed)}, which is not here`);
    const nonce = sealed.subarray(headBytes, headBytes + nonceBytes);
    const decipher = createDecipheriv(algorithm, key.key, nonce, tagLength);
    decipher.setAAD(boundTo(sealed, about)).setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const plain = decipher.update(sealed.subarray(headBytes + nonceBytes, sealed.length - tagBytes));
    try {
      decipher.final();
    } catch (cause) {
      throw new SealError('it was changed, or it is not what it is taken for', { cause });
    }
    return plain;
  }
}

/** Seals one thing after the other, in the same bytes of memory. */
export class Sealing {
  readonly #key: KeyObject;
  readonly #head: Uint8Array;
  readonly #bound: Buffer;
  #room = noRoom;

  constructor({ idBytes: id, key }: SealingKey, about: string) {
    this.#key = key;
    this.#head = Uint8Array.of(version, ...id);
    this.#bound = boundTo(this.#head, about);
  }

  /** What it gives holds until the next is sealed. Nor may a nonce come twice here. */
  seal(plain: Uint8Array, nonce: Uint8Array): Buffer {
    const from = headBytes + nonceBytes;
    const to = from + plain.length;
    if (this.#room.length < to + tagBytes) this.#room = Buffer.allocUnsafe(to + tagBytes);
    const sealed = this.#room;
    sealed.set(this.#head);
    sealed.set(nonce, headBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce, tagLength).setAAD(this.#bound);
    sealed.set(cipher.update(plain), from);
    cipher.final();
    sealed.set(cipher.getAuthTag(), to);
    return sealed.subarray(0, to + tagBytes);
  }
}

const noRoom = Buffer.alloc(0);

/** With which key something is sealed. Throws where it is nothing of ours. */
export function keyIdOf(sealed: Uint8Array): string {
  if (sealed.length < headBytes + nonceBytes + tagBytes || sealed[0] !== version)
    throw new SealError('it is not sealed, or by a newer version of the gateway');
  return Buffer.from(sealed.buffer, sealed.byteOffset + 1, idBytes).toString('base64url');
}

/** The head is bound too: no other key or version can be claimed for the same bytes. */
function boundTo(sealed: Uint8Array, about: string): Buffer {
  const aboutBytes = Buffer.from(about);
  return Buffer.concat([sealed.subarray(0, headBytes), aboutBytes], headBytes + aboutBytes.length);
}

const hex = /^[0-9a-f]{64}$/i;
const base64 = /^[A-Za-z0-9+/_-]{43}=?$/;

/** 32 bytes as people write them: 64 hexadecimal digits, or base64. Nothing when it is neither. */
export function parseKey(text: string): SealingKey | undefined {
  if (hex.test(text)) return createSealingKey(Buffer.from(text, 'hex'));
  return base64.test(text) ? createSealingKey(Buffer.from(text, 'base64')) : undefined;
}
