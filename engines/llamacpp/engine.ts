/** One model in memory, and the sequences of one context that all requests share. */
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import {
  type Binding,
  type Context,
  type Llama,
  loadBinding,
  type Model,
  parseTemplate,
  type Template,
} from './binding.ts';
import { createEmbedder, type Embedder, embeddersMax } from './embedder.ts';
import { fingerprintOf } from './fingerprint.ts';
import { createSharedBatches, type SharedBatches } from './shared-batch.ts';
import type { Slot } from './slot.ts';
import { defaultThreads } from './threads.ts';
import { createWaitingLine, type WaitingLine } from './waiting-line.ts';

export interface EngineOptions {
  readonly modelPath: string;
  readonly slots: number;
  /** Tokens that one conversation may hold; each slot has as many. */
  readonly contextSize: number | undefined;
  readonly threads: number | undefined;
}

export interface Engine {
  readonly name: string;
  /** The same in every process that has the same model. */
  readonly fingerprint: string;
  readonly binding: Binding;
  readonly llama: Llama;
  readonly model: Model;
  readonly chatTemplate: Template;
  readonly context: Context;
  /** The library decodes all sequences that are at work in one batch, so a slot is a sequence. */
  readonly slots: WaitingLine<Slot>;
  readonly batches: SharedBatches;
  /** Embeddings need contexts of their own, made when they are asked for. */
  readonly embedders: WaitingLine<Embedder>;
  readonly threads: number;
  readonly startedAtS: number;
}

/** What a request may wait behind before it is told to come back later. */
export const queuePlacesMax = 64;
/** As Ollama has it: enough for a conversation, and eight of them fit a laptop. */
const contextSizeDefault = 4096;

export async function openEngine(options: EngineOptions): Promise<Engine> {
  const binding = await loadBinding();
  const llama = await openLlama(binding);
  const threads =
    options.threads ?? defaultThreads({ physical: llama.cpuMathCores, available: availableParallelism() });
  llama.maxThreads = threads;
  const model = await llama.loadModel({ modelPath: options.modelPath });
  const contextSize = Math.min(options.contextSize ?? contextSizeDefault, model.trainContextSize);
  const batches = createSharedBatches(() => slots.total - slots.free);
  const context = await model.createContext({
    sequences: options.slots,
    contextSize,
    threads,
    batching: { itemPrioritizationStrategy: batches.share },
  });
  const idle = Array.from(
    { length: options.slots },
    (): Slot => ({ sequence: context.getSequence(), groups: [] }),
  );
  const slots = createWaitingLine(idle, queuePlacesMax);
  const embedders = Array.from({ length: Math.min(threads, embeddersMax) }, () =>
    createEmbedder(() => model.createEmbeddingContext({ contextSize, threads })),
  );
  return {
    name: basename(options.modelPath).replace(/\.gguf$/i, ''),
    fingerprint: fingerprintOf(options.modelPath),
    binding,
    llama,
    model,
    chatTemplate: await parseTemplate(templateOf(model)),
    context,
    batches,
    slots,
    embedders: createWaitingLine(embedders, queuePlacesMax),
    threads,
    startedAtS: Math.floor(Date.now() / 1000),
  };
}

/** Nothing is downloaded, built or probed: the installed binary loads, or the start fails. */
function openLlama(binding: Binding): Promise<Llama> {
  // Macs with Apple's processors have one binary, which reaches the graphics processor through Metal.
  const isAppleSilicon = process.platform === 'darwin' && process.arch === 'arm64';
  return binding.getLlama({
    gpu: isAppleSilicon ? 'metal' : false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    maxThreads: 1,
    logLevel: 'error',
    logger: (level, message) => process.stderr.write(`llama.cpp ${level}: ${message.trimEnd()}\n`),
  });
}

/** A model without a template gets ChatML, as llama.cpp's own server does it. */
function templateOf(model: Model): string {
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  return typeof template === 'string' ? template : chatMl;
}

const chatMl =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
