/**
 * Models that do not go on with a chat's answer which another began, by the server that renders their format: what is
 * known of servers and templates, and no guess about the rest. Those are asked, and the seam proves what they say.
 */
import type { JsonObject } from '../core/call.ts';
import { asObject } from '../core/json-object.ts';

/** As the servers call themselves, where their dialect has a word for it. */
export type PrefillServer = 'ollama' | 'vllm' | 'sglang' | 'llamacpp';

export interface ClosedModels {
  /** For people. */
  readonly models: string;
  /** Of a name in lower case, its path and tag included. */
  readonly is: RegExp;
  readonly at: readonly PrefillServer[];
  readonly why: string;
}

const everywhere = ['ollama', 'vllm', 'sglang', 'llamacpp'] as const;
const openai = ['vllm', 'sglang', 'llamacpp'] as const;
/** They think before they speak unless they are told not to, and what is begun has no thoughts. */
const thinking = 'what goes on is taken for thoughts, or is refused while thinking is on';

export const closedModels: readonly ClosedModels[] = [
  {
    models: 'gpt-oss',
    is: /\bgpt-?oss(?![a-z])/,
    at: everywhere,
    why: 'a message has channels, and one that is begun has none',
  },
  {
    models: 'Gemma 4',
    is: /\bgemma-?4/,
    at: ['ollama', 'llamacpp'],
    why: 'the message is closed, or refused while thinking is on',
  },
  {
    models: 'Qwen 3 and later, but Instruct and Coder',
    is: /\bqwen-?[3-9](?!.*(?:instruct|coder))/,
    at: openai,
    why: thinking,
  },
  {
    models: 'QwQ, DeepSeek-R1, Magistral, GLM 4.5 to 4.7, Nemotron 3, MiniMax-M2, *-Thinking',
    is: /\bqwq|deepseek-r1|\bmagistral|\bglm-?4\.[5-7]|\bnemotron-?3|\bminimax-m2|-thinking\b/,
    at: openai,
    why: thinking,
  },
  {
    models: 'Mistral, Mixtral, Ministral, Pixtral, Devstral, Codestral',
    is: /(?:^|\/)(?:mistral|mixtral|ministral|pixtral|devstral|codestral)/,
    at: ['vllm'],
    why: "Mistral's own tokenizer closes the message",
  },
  {
    models: 'DeepSeek-V4',
    is: /\bdeepseek-v4/,
    at: ['vllm'],
    why: 'its tokenizer knows no open message',
  },
  {
    models:
      'DeepSeek-V3.1, GLM 4.6 and 4.7, GLM-OCR, Nemotron 3, Cogito 2.1, Command R, FunctionGemma, Olmo 3 Think',
    is: /\bdeepseek-v3\.1|\bglm-?(?:4\.[67]|ocr)|\bnemotron-?3|\bcogito-2\.1|\bcommand-r|\bfunctiongemma|\bolmo-3.*think/,
    at: ['ollama'],
    why: 'the message is closed, and another begun',
  },
];

/** `described` is the model's entry in its server's list: a name of our own or an alias tells nothing of its format. */
export function leavesOpen(server: PrefillServer, name: string, described: JsonObject | undefined): boolean {
  const family = asObject(described?.['details'])?.['family'];
  const names = [name, described?.['root'], described?.['parent'], family]
    .filter((told) => typeof told === 'string')
    .map((told) => told.toLowerCase());
  return !closedModels.some(({ is, at }) => at.includes(server) && names.some((told) => is.test(told)));
}
