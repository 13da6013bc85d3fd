/** Tool calls as Ollama writes them: whole, with their arguments as an object. */

import type { JsonObject, ToolCall } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';

export function renderToolCalls(calls: readonly ToolCall[]): readonly object[] {
  return calls.map((call, index) => ({
    id: call.id,
    function: { index, name: call.name, arguments: parseArguments(call) },
  }));
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
