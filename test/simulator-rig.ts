/** A simulator on a held clock, and what comes back from it. */
import type { Failure } from '../src/core/failure.ts';
import type { Flow, Receiver } from '../src/core/transport.ts';
import { createSimulator } from '../src/engines/simulator/engine.ts';
import { type SimulatorOptions, simulatorOptions } from '../src/engines/simulator-options.ts';
import { createHeldClock, type HeldClock } from './held-clock.ts';

export type Overrides = Partial<SimulatorOptions>;

export const optionsOf = (overrides: Overrides = {}): SimulatorOptions => ({
  ...simulatorOptions.parse({ type: 'simulator' }),
  ...overrides,
});

export class Recorder implements Receiver {
  events: string[] = [];
  status = 0;
  headers: Readonly<Record<string, string | string[] | undefined>> = {};
  text = '';
  failure: Failure | undefined;
  onData: (() => void) | undefined;
  readonly over: Promise<void>;
  #settle: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#settle = resolve;
  }

  sent() {
    this.events.push('sent');
  }
  head(status: number, headers: Recorder['headers']) {
    this.events.push('head');
    this.status = status;
    this.headers = headers;
  }
  data(chunk: Uint8Array) {
    this.events.push('data');
    this.text += Buffer.from(chunk).toString();
    this.onData?.();
  }
  end() {
    this.events.push('end');
    this.#settle();
  }
  fail(failure: Failure) {
    this.events.push('fail');
    this.failure = failure;
    this.#settle();
  }

  get json() {
    return JSON.parse(this.text);
  }
  get chunks() {
    const data = this.text.split('\n\n').filter((event) => event !== '' && event !== 'data: [DONE]');
    return data.map((event) => JSON.parse(event.slice('data: '.length)));
  }
  get streamedText(): string {
    return this.chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('');
  }
}

export interface Rig {
  ask(body: object, path?: string): { recorder: Recorder; flow: Flow };
  /** Lets the microtask run in which a request is taken up. */
  taken(): Promise<void>;
  clock: HeldClock;
  close(): Promise<void>;
}

export function simulatorRig(overrides: Overrides = {}): Rig {
  const clock = createHeldClock();
  const simulator = createSimulator(optionsOf(overrides), clock);
  return {
    clock,
    taken: () => Promise.resolve(),
    close: () => simulator.close(),
    ask: (body, path = '/v1/chat/completions') => {
      const recorder = new Recorder();
      const request = {
        method: 'POST',
        path,
        headers: [],
        body: JSON.stringify({ model: 'simulator', ...body }),
      };
      return { recorder, flow: simulator.send(request as Parameters<typeof simulator.send>[0], recorder) };
    },
  };
}

export const hello = { messages: [{ role: 'user', content: 'Hello there' }] };

export async function answerTo(body: object, options: Overrides & { path?: string } = {}) {
  const { path, ...overrides } = options;
  const { ask, taken, clock } = simulatorRig(overrides);
  const { recorder } = ask(body, path);
  await taken();
  clock.advance(3_600_000);
  await recorder.over;
  return recorder;
}
