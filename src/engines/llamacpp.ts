/** placeholder until the engine's child is wired */
import type { Transport } from '../core/transport.ts';
export function openLlamacpp(_config: unknown, _clock: unknown): Transport {
  throw new TypeError('not wired');
}
