/** Every dialect's way to speak of failures. */
import type { Dialect } from '../core/call.ts';
import type { Voice } from '../core/exchange.ts';
import { ollamaVoice } from './ollama-voice.ts';
import { openaiVoice } from './openai-voice.ts';
import { simpleVoice } from './simple-voice.ts';

export const voices: Readonly<Record<Dialect, Voice>> = {
  openai: openaiVoice,
  ollama: ollamaVoice,
  simple: simpleVoice,
};
