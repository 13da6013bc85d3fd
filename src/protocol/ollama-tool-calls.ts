/** Tool calls as Ollama writes them: whole, with their arguments as an object. */

import type { JsonObject, ToolCall } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';
import type { Part } from '../core/part.ts';

type ToolCallDelta = Extract<Part, { type: 'tool-call-delta' }>;

export function renderToolCalls(calls: readonly ToolCall[]): readonly object[] {
  return calls.map((call, index) => ({
    id: call.id,
    function: { index, name: call.name, arguments: parseArguments(call) },
  }));
}

const argumentsLengthMax = 4 * 1024 * 1024;

/** Collects the pieces of streamed calls until they are whole: Ollama's clients know no pieces. */
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

function parseArguments(call: ToolCall): JsonObject {
  if (call.arguments.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(call.arguments);
    if (isObject(value)) return value;
  } catch (cause) {
    throw notAnObject(call, cause);
  }
  throw notAnObject(call);
}

function notAnObject(call: ToolCall, cause?: unknown) {
  return fail(
    'bad_upstream_response',
    `the model called ${call.name} with arguments that are no JSON object`,
    {
      cause,
    },
  );
}
