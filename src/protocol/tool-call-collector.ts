/** Collects the pieces of streamed tool calls until they are whole. */
import type { ToolCall } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import type { Part } from '../core/part.ts';

type ToolCallDelta = Extract<Part, { type: 'tool-call-delta' }>;

const argumentsLengthMax = 4 * 1024 * 1024;

export class ToolCallCollector {
  readonly #calls = new Map<number, ToolCall>();
  #length = 0;

  get size(): number {
    return this.#calls.size;
  }

  add(delta: ToolCallDelta): void {
    this.#length += delta.arguments?.length ?? 0;
    if (this.#length > argumentsLengthMax) {
      throw fail(
        'response_too_large',
        `the model's tool calls are longer than ${argumentsLengthMax} characters`,
      );
    }
    const known = this.#calls.get(delta.index);
    this.#calls.set(delta.index, {
      id: known?.id ?? delta.id ?? `call_${delta.index}`,
      name: (known?.name ?? '') + (delta.name ?? ''),
      arguments: (known?.arguments ?? '') + (delta.arguments ?? ''),
    });
  }

  /** The calls so far, in order; the collector is empty afterwards. */
  take(): readonly ToolCall[] {
    const calls = [...this.#calls].sort(([a], [b]) => a - b).map(([, call]) => call);
    this.#calls.clear();
    return calls;
  }
}
