/** Which variables of the environment mean an account at a provider. Data: what Millrace does with them is in `discover`. */

export interface KnownKey {
  readonly variable: string;
  readonly provider: string;
}

/** Speaks OpenAI's API: can be used as it is. */
export const openaiKey = {
  variable: 'OPENAI_API_KEY',
  baseUrlVariable: 'OPENAI_BASE_URL',
  provider: 'OpenAI',
} as const;

/** Accounts at providers whose own API is not spoken yet, or whose address only the operator knows. */
export const keysForLater: readonly KnownKey[] = [
  { variable: 'ANTHROPIC_API_KEY', provider: 'Anthropic' },
  { variable: 'ANTHROPIC_AUTH_TOKEN', provider: 'Anthropic' },
  { variable: 'GEMINI_API_KEY', provider: 'Google Gemini' },
  { variable: 'GOOGLE_API_KEY', provider: 'Google Gemini' },
  { variable: 'AZURE_OPENAI_API_KEY', provider: 'Azure OpenAI' },
  { variable: 'AWS_BEARER_TOKEN_BEDROCK', provider: 'Amazon Bedrock' },
  { variable: 'COHERE_API_KEY', provider: 'Cohere' },
];

export interface CompatibleKey extends KnownKey {
  readonly url: string;
}

/** Accounts that an entry of type `openai` reaches; named, and left to the operator to enter. */
export const compatibleKeys: readonly CompatibleKey[] = [
  { variable: 'OPENROUTER_API_KEY', provider: 'OpenRouter', url: 'https://openrouter.ai/api/v1' },
  { variable: 'GROQ_API_KEY', provider: 'Groq', url: 'https://api.groq.com/openai/v1' },
  { variable: 'MISTRAL_API_KEY', provider: 'Mistral', url: 'https://api.mistral.ai/v1' },
  { variable: 'DEEPSEEK_API_KEY', provider: 'DeepSeek', url: 'https://api.deepseek.com/v1' },
  { variable: 'TOGETHER_API_KEY', provider: 'Together', url: 'https://api.together.xyz/v1' },
  { variable: 'FIREWORKS_API_KEY', provider: 'Fireworks', url: 'https://api.fireworks.ai/inference/v1' },
  { variable: 'XAI_API_KEY', provider: 'xAI', url: 'https://api.x.ai/v1' },
];
