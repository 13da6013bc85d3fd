import { createHash } from 'node:crypto';

/** The models and blobs that one fake server holds; requests add and remove them as they do on a real one. */
export class Library {
  readonly #models: Set<string>;
  readonly #blobs = new Map<string, Buffer>();

  constructor(models: readonly string[]) {
    this.#models = new Set(models);
  }

  models(): readonly string[] {
    return [...this.#models];
  }

  hasModel(name: string): boolean {
    return this.#models.has(name) || this.#models.has(`${name}:latest`);
  }

  addModel(name: string): void {
    this.#models.add(name);
  }

  deleteModel(name: string): boolean {
    return this.#models.delete(name);
  }

  /** Makes the models exactly these; blobs stay. */
  reset(models: readonly string[]): void {
    this.#models.clear();
    for (const name of models) this.#models.add(name);
  }

  hasBlob(digest: string): boolean {
    return this.#blobs.has(digest);
  }

  /** Keeps the bytes if they are what the digest (`sha256:…`) says. */
  addBlob(digest: string, bytes: Buffer): boolean {
    if (digestOf(bytes) !== digest) return false;
    this.#blobs.set(digest, bytes);
    return true;
  }
}

export const digestOf = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
