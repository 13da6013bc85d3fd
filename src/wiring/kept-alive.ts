/** Requests that do not say how long their model is to stay say what the operator wants. */
import type { Adapter } from '../core/adapter.ts';
import type { Call } from '../core/call.ts';

export function keptAlive(adapter: Adapter, keepAliveMs: (model: string) => number | undefined): Adapter {
  return {
    ...adapter,
    encode: (call, model) => adapter.encode(withKeepAlive(call, keepAliveMs(model)), model),
  };
}

function withKeepAlive(call: Call, ms: number | undefined): Call {
  if (ms === undefined || call.engine.keepAlive !== undefined) return call;
  return { ...call, engine: { ...call.engine, keepAlive: `${ms}ms` } };
}
