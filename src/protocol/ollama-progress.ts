/** One progress stream out of several servers doing the same, such that unmodified clients can draw it. */
import type { JsonObject } from '../core/call.ts';

/** Layers whose progress is added up; a model has a few dozen. */
const layersMax = 4_096;

export class ProgressMerge {
  readonly #count: number;
  /** Bytes done of each layer, by the server that does them. */
  readonly #layers = new Map<string, Map<string, number>>();

  constructor(count: number) {
    this.#count = count;
  }

  /**
   * A server's line as clients read it. Their bars go by digest, so a layer counts once for each server: its bar is
   * full when all have it. The server's own line rides along under `upstream`.
   */
  merge(upstream: string, line: JsonObject): JsonObject {
    if (this.#count === 1) return line;
    const status = `${upstream}: ${String(line['status'] ?? '')}`;
    return { ...line, ...this.#added(upstream, line), status, upstream: { name: upstream, ...line } };
  }

  #added(upstream: string, line: JsonObject): JsonObject {
    const { digest, total, completed } = line;
    if (typeof digest !== 'string' || typeof total !== 'number') return {};
    const layer = this.#layers.get(digest) ?? new Map<string, number>();
    if (!this.#layers.has(digest)) {
      if (this.#layers.size >= layersMax) return {};
      this.#layers.set(digest, layer);
    }
    layer.set(upstream, typeof completed === 'number' ? completed : 0);
    const done = layer.values().reduce((sum, bytes) => sum + bytes, 0);
    return { total: total * this.#count, ...(done > 0 ? { completed: done } : {}) };
  }
}
