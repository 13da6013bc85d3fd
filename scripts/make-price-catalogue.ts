/**
 * Makes `src/money/catalogue.txt` anew: `node scripts/make-price-catalogue.ts SOURCE DATE ORIGIN`, where SOURCE is
 * LiteLLM's `model_prices_and_context_window.json` (MIT), DATE the day it was taken, and ORIGIN its version.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Provider {
  /** Where its API answers; a star stands for any text. */
  readonly hosts: readonly string[];
  /** What the source calls it. */
  readonly sources: readonly string[];
  /** What the source puts before the names of its models. */
  readonly prefixes?: readonly string[];
}

const providers: Readonly<Record<string, Provider>> = {
  ai21: { hosts: ['api.ai21.com'], sources: ['ai21'] },
  anthropic: { hosts: ['api.anthropic.com'], sources: ['anthropic'] },
  azure: {
    hosts: [
      '*.openai.azure.com',
      '*.cognitiveservices.azure.com',
      '*.services.ai.azure.com',
      '*.models.ai.azure.com',
    ],
    sources: ['azure', 'azure_ai', 'azure_text'],
  },
  baseten: { hosts: ['inference.baseten.co'], sources: ['baseten'] },
  bedrock: {
    hosts: ['bedrock-runtime.*.amazonaws.com', 'bedrock-mantle.*.api.aws'],
    sources: ['bedrock', 'bedrock_converse', 'bedrock_mantle'],
  },
  cerebras: { hosts: ['api.cerebras.ai'], sources: ['cerebras'] },
  cohere: { hosts: ['api.cohere.com', 'api.cohere.ai'], sources: ['cohere', 'cohere_chat'] },
  dashscope: {
    hosts: ['dashscope.aliyuncs.com', 'dashscope-intl.aliyuncs.com', 'dashscope-us.aliyuncs.com'],
    sources: ['dashscope'],
  },
  databricks: { hosts: ['*.cloud.databricks.com', '*.azuredatabricks.net'], sources: ['databricks'] },
  deepinfra: { hosts: ['api.deepinfra.com'], sources: ['deepinfra'] },
  deepseek: { hosts: ['api.deepseek.com'], sources: ['deepseek'] },
  fireworks: {
    hosts: ['api.fireworks.ai'],
    sources: ['fireworks_ai', 'fireworks_ai-embedding-models'],
    prefixes: ['fireworks_ai/'],
  },
  gemini: { hosts: ['generativelanguage.googleapis.com'], sources: ['gemini'] },
  groq: { hosts: ['api.groq.com'], sources: ['groq'] },
  hyperbolic: { hosts: ['api.hyperbolic.xyz'], sources: ['hyperbolic'] },
  minimax: { hosts: ['api.minimax.io', 'api.minimaxi.com'], sources: ['minimax'] },
  mistral: {
    hosts: ['api.mistral.ai', 'codestral.mistral.ai'],
    sources: ['mistral', 'codestral', 'text-completion-codestral'],
  },
  moonshot: { hosts: ['api.moonshot.ai', 'api.moonshot.cn'], sources: ['moonshot'] },
  nebius: { hosts: ['api.studio.nebius.com', 'api.tokenfactory.nebius.com'], sources: ['nebius'] },
  novita: { hosts: ['api.novita.ai'], sources: ['novita'] },
  nscale: { hosts: ['inference.api.nscale.com'], sources: ['nscale'] },
  openai: { hosts: ['api.openai.com', '*.api.openai.com'], sources: ['openai', 'text-completion-openai'] },
  ovhcloud: { hosts: ['*.endpoints.kepler.ai.cloud.ovh.net'], sources: ['ovhcloud'] },
  perplexity: { hosts: ['api.perplexity.ai'], sources: ['perplexity'] },
  sambanova: { hosts: ['api.sambanova.ai'], sources: ['sambanova'] },
  scaleway: { hosts: ['api.scaleway.ai'], sources: ['scaleway'] },
  together: {
    hosts: ['api.together.xyz', 'api.together.ai'],
    sources: ['together_ai'],
    prefixes: ['together_ai/'],
  },
  vercel: { hosts: ['ai-gateway.vercel.sh'], sources: ['vercel_ai_gateway'] },
  vertex: {
    hosts: ['aiplatform.googleapis.com', '*-aiplatform.googleapis.com'],
    sources: [
      'vertex_ai',
      'vertex_ai-ai21_models',
      'vertex_ai-anthropic_models',
      'vertex_ai-deepseek_models',
      'vertex_ai-embedding-models',
      'vertex_ai-language-models',
      'vertex_ai-llama_models',
      'vertex_ai-minimax_models',
      'vertex_ai-mistral_models',
      'vertex_ai-moonshot_models',
      'vertex_ai-openai_models',
      'vertex_ai-qwen_models',
      'vertex_ai-zai_models',
    ],
    prefixes: ['vertex_ai/'],
  },
  voyage: { hosts: ['api.voyageai.com'], sources: ['voyage'] },
  wandb: { hosts: ['api.inference.wandb.ai'], sources: ['wandb'] },
  xai: { hosts: ['api.x.ai'], sources: ['xai'] },
  zai: { hosts: ['api.z.ai', 'open.bigmodel.cn'], sources: ['zai', 'bigmodel'] },
};

const modes = ['chat', 'completion', 'embedding', 'responses'];

/** Above it stand only mistakes of the source: prices of a thousand tokens that were taken for prices of one. */
const usdPerMMax = 1_000;

type Facts = Readonly<Record<string, unknown>>;

/** Our names of the rates of a section, and the source's. */
const rates = [
  ['in', 'input_cost_per_token'],
  ['out', 'output_cost_per_token'],
  ['cached', 'cache_read_input_token_cost'],
  ['write', 'cache_creation_input_token_cost'],
  ['reason', 'output_cost_per_reasoning_token'],
] as const;

/** Our names of the services that have prices of their own, and what the source adds to its names of rates. */
const services = [
  ['batch', '_batches'],
  ['flex', '_flex'],
  ['priority', '_priority'],
] as const;

const [sourcePath = '', date = '', origin = ''] = process.argv.slice(2);
if (!/^\d{4}-\d\d-\d\d$/.test(date) || origin === '') {
  process.stderr.write('usage: make-price-catalogue.ts SOURCE DATE ORIGIN, DATE as YYYY-MM-DD\n');
  process.exit(2);
}
const source = Object.entries(JSON.parse(readFileSync(sourcePath, 'utf8')) as Record<string, Facts>);
const sections = Object.entries(providers).map(([name, provider]) => sectionOf(name, provider));
const head =
  `# Prices of models in US dollars per million tokens. Made by scripts/make-price-catalogue.ts: do not edit.\n` +
  `# From ${origin}, MIT: see catalogue.LICENSE.txt\nversion ${date}\n`;
writeFileSync(new URL('../src/money/catalogue.txt', import.meta.url), head + sections.join(''));

function sectionOf(name: string, provider: Provider): string {
  const lines = new Map<string, { text: string; usdPerM: number }>();
  for (const [key, facts] of source) {
    const line = lineOf(key, facts, provider);
    if (line === undefined) continue;
    // One name at several prices, as of regions: the dearest holds.
    if ((lines.get(line.model)?.usdPerM ?? -1) < line.usdPerM) lines.set(line.model, line);
  }
  const sorted = [...lines.keys()].sort().map((model) => `${lines.get(model)?.text}\n`);
  return `provider ${name} ${provider.hosts.join(' ')}\n${sorted.join('')}`;
}

function lineOf(key: string, facts: Facts, { sources, prefixes }: Provider) {
  const by = String(facts['litellm_provider']);
  if (!sources.includes(by) || !modes.includes(String(facts['mode']))) return undefined;
  const prefix = [...(prefixes ?? []), `${by}/`].find((known) => key.startsWith(known)) ?? '';
  const model = key.slice(prefix.length);
  const tiers = tiersOf(facts['mode'] === 'embedding' ? { output_cost_per_token: 0, ...facts } : facts);
  const [input, output] = ['input_cost_per_token', 'output_cost_per_token'].map(
    (field) => tiers[0]?.facts[field],
  );
  if (typeof input !== 'number' || typeof output !== 'number') return undefined;
  const usdPerM = usdPerMOf(input) + usdPerMOf(output);
  // What costs nothing is priced otherwise, or not known: an unknown price is never zero.
  if (usdPerM === 0 || /\s/.test(model)) return undefined;
  if (usdPerM > usdPerMMax) {
    process.stderr.write(`left out ${key}: ${usdPerM} USD per million tokens\n`);
    return undefined;
  }
  const text = tiers
    .map(({ above, facts: own }) => (above === 0 ? '' : ` >${above}`) + sectionsOf(own))
    .join('');
  return { model, usdPerM, text: `${model}${longestOf(facts)}${text}` };
}

/** How long an answer may be asked for. Where that is all the model holds, its half: the question needs room as well. */
function longestOf({ mode, max_output_tokens: most, max_input_tokens: input }: Facts): string {
  const tokens = typeof most === 'number' ? most : 0;
  if (mode === 'embedding' || !Number.isSafeInteger(tokens) || tokens < 2) return '';
  return ` max=${typeof input === 'number' && tokens >= input ? Math.floor(input / 2) : tokens}`;
}

interface Tier {
  readonly above: number;
  readonly facts: Facts;
}

/** Prices that begin above a number of input tokens stand in the names of fields, or in a list of ranges. */
function tiersOf(facts: Facts): readonly Tier[] {
  const listed = facts['tiered_pricing'];
  if (Array.isArray(listed)) {
    return (listed as Facts[]).map((tier) => ({
      above: Number((tier['range'] as number[])[0]),
      facts: tier,
    }));
  }
  const above = new Set<number>();
  for (const field of Object.keys(facts)) {
    const [, thousands] = /^input_cost_per_token_above_(\d+)k_tokens$/.exec(field) ?? [];
    if (thousands !== undefined) above.add(Number(thousands) * 1_000);
  }
  const long = [...above]
    .sort((a, b) => a - b)
    .map((tokens) => ({ above: tokens, facts: longFacts(facts, tokens) }));
  return [{ above: 0, facts }, ...long];
}

function longFacts(facts: Facts, tokens: number): Facts {
  const mark = `_above_${tokens / 1_000}k_tokens`;
  const own = Object.entries(facts).filter(([field]) => field.includes(mark));
  return Object.fromEntries(own.map(([field, value]) => [field.replace(mark, ''), value]));
}

function sectionsOf(facts: Facts): string {
  const sections = services.map(([name, suffix]) => {
    const said = ratesOf(facts, suffix);
    return said.includes(' in=') && said.includes(' out=') ? ` ${name}${said}` : '';
  });
  return ratesOf(facts, '') + sections.join('');
}

function ratesOf(facts: Facts, suffix: string): string {
  const values = rates.map(([name, field]) => [name, facts[field + suffix]] as const);
  const { in: input, out: output } = Object.fromEntries(values);
  return values
    .filter(([name, value]) => typeof value === 'number' && isSaid(name, value, { input, output }))
    .map(([name, value]) => ` ${name}=${usdPerMOf(value)}`)
    .join('');
}

/** What follows from the rates before it is left out, and so are prices of storage that stand as those of writing. */
function isSaid(
  name: string,
  value: number,
  { input, output }: { input: unknown; output: unknown },
): boolean {
  if (name === 'cached') return value !== input;
  if (name === 'write') return value > Number(input);
  return name === 'reason' ? value !== output : true;
}

/** To the millionth part of a cent of a million tokens, upwards; binary fractions stand a little above or below. */
function usdPerMOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.ceil(value * 1e12 - 1e-3) / 1e6 : 0;
}
