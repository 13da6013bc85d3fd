/** What a request means, whichever dialect said it. Client and upstream dialects meet here and in `part.ts`. */

export type Dialect = 'openai' | 'ollama' | 'simple';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

/** The request as it came, for upstreams that speak the same dialect: bytes pass. */
export interface Wire {
  readonly dialect: Dialect;
  /** Which of the dialect's endpoints: `chat`, `completions`, `generate`, … */
  readonly endpoint: string;
  readonly bytes: Uint8Array;
  /** Where the values of the top-level keys lie in `bytes`. */
  readonly spans: ReadonlyMap<string, Span>;
  readonly value: JsonObject;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The beginning of an answer, which somebody else said. */
export interface Begun {
  readonly text: string;
  /** What was thought before it; empty where nothing was. */
  readonly reasoning: string;
  /** What was said behind the text, and is to be said once more: it proves that the answer is gone on with. */
  readonly again: string;
  /** How many tokens that came to. The call's bound allows for them. */
  readonly tokensAgain: number;
  /** Text and what is behind it as an engine's own ids, where it told all of them. */
  readonly tokens?: TokenIds | undefined;
}

export interface TokenIds {
  /** Stands for the model: ids mean nothing to another. */
  readonly of: string;
  readonly ids: readonly number[];
  /** How the engine computed the question, in its own numbers: told with the first ids, where they depend on it. */
  readonly read?: readonly number[] | undefined;
}

interface CallFacts {
  readonly wire: Wire;
  /** The model as the client named it; empty where the dialect allows none. */
  readonly model: string;
  /** Whether the client wants the answer as it grows. */
  readonly stream: boolean;
  /** Present where only the rest of an answer is wanted. Messages and prompt are as the client sent them. */
  readonly begun?: Begun;
  /** Present where a budget has less left than the client asked for: the bound of each answer, in place of the client's own. */
  readonly boundTokens?: number;
}

export interface Sampling {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly repeatPenalty?: number;
  readonly topLogprobs?: number;
  readonly logprobs?: boolean;
  /** How many alternative answers; 1 when absent. */
  readonly choices?: number;
}

export type Content =
  | { readonly type: 'text'; readonly text: string }
  /** `url` is a data: URL or a remote one; Ollama's bare base64 becomes a data: URL. */
  | { readonly type: 'image'; readonly url: string; readonly detail?: string }
  /** What only servers of the same family understand, as it was written: `input_audio`, `file`, … */
  | { readonly type: 'other'; readonly name: string; readonly value: JsonObject };

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, as OpenAI has it: only the model's client knows whether it is valid. */
  readonly arguments: string;
}

export interface Message {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  readonly content: string | readonly Content[];
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCall[];
  /** For a tool's answer: which call it answers, and the tool's name where the dialect gives it. */
  readonly toolCallId?: string;
  readonly name?: string;
}

export interface Tool {
  readonly name: string;
  readonly description?: string;
  readonly parameters?: JsonObject;
  readonly strict?: boolean;
  /** A tool that is no function, as it was written: only servers of the same family understand it. */
  readonly other?: JsonObject;
}

export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };
export type Format =
  | 'json'
  | { readonly schema: JsonObject; readonly name?: string; readonly strict?: boolean };
export type Think = boolean | 'none' | 'minimal' | 'low' | 'medium' | 'high';

/** What only a local engine understands; an upstream without it refuses by name or warns. */
export interface EngineOptions {
  readonly keepAlive?: string | number;
  /** Ollama's `options` that have no neutral word: `num_ctx`, `num_gpu`, `mirostat`, … */
  readonly options?: JsonObject;
}

export interface ChatCall extends CallFacts {
  readonly kind: 'chat';
  readonly messages: readonly Message[];
  readonly sampling: Sampling;
  readonly tools?: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  readonly format?: Format;
  readonly think?: Think;
  readonly engine: EngineOptions;
  /** Whether the client asked for usage at the end of the stream. */
  readonly wantsUsage: boolean;
  /** The gateway-kept conversation to read before and append after. */
  readonly conversation?: string;
  /** Top-level fields we do not know, for an upstream of the same family. */
  readonly extra: JsonObject;
}

export interface CompleteCall extends CallFacts {
  readonly kind: 'complete';
  /** A text, several, or the same as token ids. */
  readonly prompt: string | readonly string[] | readonly (readonly number[])[];
  readonly suffix?: string;
  /** Ollama's `images`, as data: URLs. */
  readonly images?: readonly string[];
  readonly sampling: Sampling;
  readonly echo?: boolean;
  readonly format?: Format;
  readonly think?: Think;
  readonly engine: EngineOptions;
  readonly wantsUsage: boolean;
  readonly extra: JsonObject;
}

export interface EmbedCall extends CallFacts {
  readonly kind: 'embed';
  readonly input: readonly string[] | readonly (readonly number[])[];
  readonly dimensions?: number;
  /** How the client wants vectors written. */
  readonly encoding: 'float' | 'base64';
  readonly truncate?: boolean;
  readonly engine: EngineOptions;
  readonly extra: JsonObject;
}

export type Call = ChatCall | CompleteCall | EmbedCall;
