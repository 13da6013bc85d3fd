/** Stop reasons as OpenAI's dialect knows them: loading a model is Ollama's word, and a plain stop here. */
import type { StopReason } from '../core/part.ts';

export function openaiStop(stop: StopReason): string {
  return stop === 'load' || stop === 'unload' ? 'stop' : stop;
}
