/**
 * The built-in engine: an OpenAI-compatible upstream without a network or a model, behind the same port as a
 * socket. Deterministic, so that anything can be tried and load-tested with it.
 */
import type { Json } from '../../core/call.ts';
import type { Endpoint, ParsedBody, ReplyFacts } from '../../core/exchange.ts';
import { asFailure, Failure, fail } from '../../core/failure.ts';
import type { Flow, Receiver, Transport, UpstreamRequest } from '../../core/transport.ts';
import type { Clock } from '../../lib/clock.ts';
import { openaiChat } from '../../protocol/openai-chat.ts';
import { openaiCompletions } from '../../protocol/openai-completions.ts';
import { openaiEmbeddings } from '../../protocol/openai-embeddings.ts';
import { readObject } from '../../protocol/read.ts';
import type { SimulatorOptions } from '../simulator-options.ts';
import { chooseFate } from './fate.ts';
import { createPace, type Pace } from './pace.ts';
import { Playback } from './playback.ts';
import { createRandom, hashNumber } from './random.ts';
import { failureScript, prepareScript, type Script, wholeScript } from './script.ts';
import { Slots } from './slots.ts';

export const simulatorModel = 'simulator';

export function createSimulator(options: SimulatorOptions, clock: Clock): Transport {
  return new Simulator(options, clock);
}

const queuePlaces = 256;

const endpoints: ReadonlyMap<string, Endpoint> = new Map([
  ['/chat/completions', openaiChat],
  ['/completions', openaiCompletions],
  ['/embeddings', openaiEmbeddings],
]);

class Simulator implements Transport {
  readonly #options: SimulatorOptions;
  readonly #clock: Clock;
  readonly #slots: Slots;
  readonly #open = new Set<Playback>();
  #requests = 0;
  /** When the model is loaded, or was; nothing while it is not in memory. */
  #loadedMs: number | undefined;
  #lastUsedMs = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: SimulatorOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#slots = new Slots(options.slots, queuePlaces);
  }

  send(request: UpstreamRequest, receiver: Receiver): Flow {
    const playback = new Playback(receiver, this.#clock, () => this.#leave(playback));
    this.#open.add(playback);
    // Nothing is received before the sender holds its flow.
    queueMicrotask(() => {
      if (!playback.over) this.#serve(request, playback);
    });
    return playback;
  }

  close(): Promise<void> {
    this.#closing ??= Promise.withResolvers<void>();
    const { promise } = this.#closing;
    for (const playback of this.#open) if (playback.stalls) playback.breakOff('the simulator closes');
    if (this.#open.size === 0) this.#closing.resolve();
    return promise;
  }

  #serve(request: UpstreamRequest, playback: Playback): void {
    if (this.#closing !== undefined) {
      playback.fail(fail('connect_failed', 'the simulator is closed'));
      return;
    }
    playback.sent();
    if (playback.over) return;
    const path = pathOf(request);
    // Asked from time to time, and no reason to answer differently: the count decides who fails.
    if (request.method === 'GET' && path === '/api/ps') {
      this.#atOnce(playback, loadedScript(this.#isLoaded()));
      return;
    }
    this.#requests += 1;
    const id = `sim-${this.#requests}`;
    this.#orRefuse(playback, id, () => {
      if (request.method === 'GET' && path === '/models') this.#atOnce(playback, modelsScript());
      else this.#queue(playback, id, this.#prepare(request, path, id));
    });
  }

  /** What is thrown becomes the answer, as it would from any other server. */
  #orRefuse(playback: Playback, id: string, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      if (thrown instanceof Failure) this.#atOnce(playback, failureScript(thrown, id));
      else playback.fail(asFailure(thrown));
    }
  }

  #prepare(request: UpstreamRequest, path: string, id: string): () => Script {
    const endpoint = endpoints.get(path);
    if (endpoint === undefined) throw fail('not_found', `the simulator has no ${path}`);
    if (request.method !== 'POST') throw fail('method_not_allowed', `${path} takes POST`);
    const call = endpoint.parse(parseBody(request));
    if (call.model !== simulatorModel) {
      throw fail(
        'model_not_found',
        `The model '${call.model}' does not exist here; there is only '${simulatorModel}'.`,
        {
          param: 'model',
        },
      );
    }
    const startedMs = this.#clock.now();
    const facts: ReplyFacts = {
      id,
      call,
      model: simulatorModel,
      wallMs: this.#clock.wall(),
      elapsedMs: () => this.#clock.now() - startedMs,
    };
    return prepareScript({ endpoint, facts, options: this.#options });
  }

  #queue(playback: Playback, id: string, makeScript: () => Script): void {
    const random = createRandom(hashNumber(this.#requests, hashNumber(this.#options.seed)));
    const begin = () => this.#orRefuse(playback, id, () => this.#begin(playback, random, makeScript));
    if (this.#slots.enter(playback, begin)) return;
    throw fail(
      'upstream_overloaded',
      `all ${this.#options.slots} slots and ${queuePlaces} places are taken`,
      {
        retryAfterS: 1,
      },
    );
  }

  #begin(playback: Playback, random: () => number, makeScript: () => Script): void {
    const chosen = chooseFate(this.#options, random);
    // Once the simulator closes nobody would end a silence.
    const fate = chosen === 'stall' && this.#closing !== undefined ? 'cut' : chosen;
    const delayMs = this.#loadWaitMs();
    const pace = createPace(this.#options, random);
    const script =
      fate === 'status' ? failureScript(fail('internal', failedOnPurpose), 'simulator') : makeScript();
    playback.play({ script, fate, pace, delayMs });
  }

  /** Requests that come while it loads wait for the same load. */
  #loadWaitMs(): number {
    const now = this.#clock.now();
    if (this.#loadedMs === undefined || this.#wasIdle(1)) this.#loadedMs = now + this.#options.loadMs;
    return Math.max(0, this.#loadedMs - now);
  }

  #isLoaded(): boolean {
    return this.#loadedMs !== undefined && this.#clock.now() >= this.#loadedMs && !this.#wasIdle(0);
  }

  /** Nobody asked for so long that the model went. Whoever asks now is among those that run already. */
  #wasIdle(running: number): boolean {
    const now = this.#clock.now();
    const idle = this.#slots.running === running && now - this.#lastUsedMs >= this.#options.unloadAfterMs;
    return idle && this.#loadedMs !== undefined && now >= this.#loadedMs;
  }

  #atOnce(playback: Playback, script: Script): void {
    playback.play({ script, fate: 'answer', pace: immediate, delayMs: 0 });
  }

  #leave(playback: Playback): void {
    this.#open.delete(playback);
    if (this.#slots.leave(playback)) this.#lastUsedMs = this.#clock.now();
    if (this.#open.size === 0) this.#closing?.resolve();
  }
}

const failedOnPurpose = 'the simulator failed, as it was told to';
const immediate: Pace = { firstMs: 0, nextMs: () => 0, spanMs: () => 0 };
const noSpans: ParsedBody['spans'] = new Map();

function modelsScript(): Script {
  const model = { id: simulatorModel, object: 'model', created: 0, owned_by: 'millrace' };
  return wholeScript(200, JSON.stringify({ object: 'list', data: [model] }));
}

function loadedScript(isLoaded: boolean): Script {
  // It is nothing but code: it has a place and no size.
  const models = isLoaded ? [{ name: simulatorModel, model: simulatorModel, size: 0, size_vram: 0 }] : [];
  return wholeScript(200, JSON.stringify({ models }));
}

function pathOf(request: UpstreamRequest): string {
  return request.path
    .replace(/\?.*$/, '')
    .replace(/^\.\.(?=\/)/, '')
    .replace(/^\/v1(?=\/)/, '');
}

function parseBody({ body = '' }: UpstreamRequest): ParsedBody {
  const bytes = Buffer.from(body);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (cause) {
    throw fail('invalid_json', 'the body is not JSON', { cause });
  }
  return { bytes, value: readObject(value as Json, 'body'), spans: noSpans };
}
