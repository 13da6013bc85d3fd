/** The few calls of node-llama-cpp that the engine uses, in our own words, so that types hold without the package. */

import type { SharedBatches } from './shared-batch.ts';

export type Token = number;

export interface Binding {
  getLlama(options: LlamaOptions): Promise<Llama>;
  readonly LlamaGrammarEvaluationState: new (options: { model: Model; grammar: Grammar }) => GrammarState;
}

/** Grammars and their states are opaque: they are made by the library and handed back to it. */
export type Grammar = object;
export type GrammarState = object;

export interface LlamaOptions {
  readonly gpu: false | 'metal';
  readonly build: 'never';
  readonly skipDownload: true;
  readonly progressLogs: false;
  readonly maxThreads: number;
  readonly logLevel: 'warn' | 'error';
  readonly logger: (level: string, message: string) => void;
}

export interface Llama {
  readonly gpu: string | false;
  readonly cpuMathCores: number;
  maxThreads: number;
  loadModel(options: { modelPath: string }): Promise<Model>;
  createGrammarForJsonSchema(schema: object): Promise<Grammar>;
  getGrammarFor(type: 'json'): Promise<Grammar>;
}

export interface Model {
  /** In bytes. */
  readonly size: number;
  readonly trainContextSize: number;
  readonly fileInfo: { readonly metadata: { readonly tokenizer?: { readonly chat_template?: unknown } } };
  readonly tokens: {
    readonly bos: Token | null;
    readonly bosString: string | null;
    readonly eosString: string | null;
    readonly shouldPrependBosToken: boolean;
    readonly infill: {
      readonly prefix: Token | null;
      readonly middle: Token | null;
      readonly suffix: Token | null;
    };
  };
  createContext(options: ContextOptions): Promise<Context>;
  createEmbeddingContext(options: { contextSize: number; threads: number }): Promise<EmbeddingContext>;
  tokenize(text: string, specialTokens?: boolean, options?: 'trimLeadingSpace'): Token[];
  detokenize(tokens: readonly Token[], specialTokens?: boolean, lastTokens?: readonly Token[]): string;
}

export interface ContextOptions {
  readonly sequences: number;
  readonly contextSize: number;
  readonly threads: number;
  readonly batching: { readonly itemPrioritizationStrategy: SharedBatches['share'] };
}

export interface Context {
  readonly contextSize: number;
  readonly batchSize: number;
  getSequence(): Sequence;
}

export interface Sequence {
  readonly nextTokenIndex: number;
  compareContextTokens(tokens: readonly Token[]): { readonly firstDifferentIndex: number };
  eraseContextTokenRanges(ranges: readonly { start: number; end: number }[]): Promise<void>;
  clearHistory(): Promise<void>;
  evaluate(tokens: readonly Token[], options: Sampling & Place): AsyncGenerator<Token, void, void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly Token[], options: Place): Promise<void>;
}

/** The library hands the number to whoever makes up the batches, and does nothing else with it. */
export interface Place {
  readonly evaluationPriority: number;
}

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number;
  readonly repeatPenalty?: {
    readonly punishTokens: () => Token[];
    readonly maxPunishTokens: number;
    readonly penalty: number;
    readonly frequencyPenalty: number;
    readonly presencePenalty: number;
  };
  readonly grammarEvaluationState?: GrammarState;
}

export interface EmbeddingContext {
  calculateInputLength(tokens: readonly Token[]): number;
  getEmbeddingFor(tokens: readonly Token[]): Promise<{ readonly vector: readonly number[] }>;
}

/** Chat templates are written in Jinja; `render` throws where a template refuses the messages. */
export interface Template {
  render(values: Readonly<Record<string, unknown>>): string;
}

export async function loadBinding(): Promise<Binding> {
  return (await load('node-llama-cpp')) as Binding;
}

export async function parseTemplate(source: string): Promise<Template> {
  const jinja = (await load('@huggingface/jinja')) as { Template: new (source: string) => Template };
  return new jinja.Template(source);
}

/** The name is no literal in the import, so that the types hold where the packages are not installed. */
async function load(packageName: string): Promise<unknown> {
  try {
    return await import(packageName);
  } catch (cause) {
    throw new Error(`${packageName} could not be loaded: run npm ci in engines/llamacpp`, { cause });
  }
}
