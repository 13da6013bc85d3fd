/** What chat and generate share when they answer: lines, times, counts, the last line. */

import type { Json } from '../core/call.ts';
import type { ReplyFacts } from '../core/exchange.ts';
import { isObject } from '../core/json-object.ts';
import type { CallResult, Part, StopReason, Usage } from '../core/part.ts';
import { renderToolCalls } from './ollama-tool-calls.ts';
import { isList } from './read.ts';
import { ToolCallCollector } from './tool-call-collector.ts';

export interface Said {
  readonly text: string;
  readonly thinking?: string | undefined;
  readonly toolCalls?: readonly object[] | undefined;
}

/** Where an endpoint puts what the model said, and what it adds once all of it is known. */
export interface ReplyForm {
  render(said: Said): object;
  /** Hears each piece of the answer's text as it passes. */
  hear?(text: string): void;
  last?(): object;
}

/** Ollama knows fewer reasons than others do. */
const doneReasons: Readonly<Record<StopReason, string>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'stop',
  content_filter: 'stop',
  load: 'load',
  unload: 'unload',
};

export function renderOllamaResult(form: ReplyForm, result: CallResult, facts: ReplyFacts): string {
  if (result.kind !== 'text') throw new TypeError('a text was asked for and answered with vectors');
  const choice = result.choices[0];
  const text = (choice?.text ?? '') + (choice?.refusal ?? '');
  form.hear?.(text);
  const elapsedMs = facts.elapsedMs();
  const end = { stop: choice?.stop ?? 'stop', usage: result.usage, elapsedMs, firstMs: 0 };
  return JSON.stringify({
    model: facts.model,
    created_at: timestamp(facts.wallMs + elapsedMs),
    ...form.render({
      text,
      thinking: choice?.reasoning,
      toolCalls: choice?.toolCalls === undefined ? undefined : renderToolCalls(choice.toolCalls),
    }),
    ...renderEnd(form, end),
    logprobs: renderLogprobs(choice?.logprobs),
  });
}

export function openOllamaRenderer(form: ReplyForm, facts: ReplyFacts): (part: Part) => string {
  const renderer = new LineRenderer(form, facts);
  return (part) => renderer.render(part);
}

interface End {
  readonly stop: StopReason;
  readonly usage: Usage | undefined;
  readonly elapsedMs: number;
  /** When the first piece came: what lies before it went into reading the prompt. */
  readonly firstMs: number;
}

class LineRenderer {
  readonly #form: ReplyForm;
  readonly #facts: ReplyFacts;
  readonly #toolCalls = new ToolCallCollector();
  #firstMs: number | undefined = undefined;
  #stop: StopReason = 'stop';
  #usage: Usage | undefined = undefined;

  constructor(form: ReplyForm, facts: ReplyFacts) {
    this.#form = form;
    this.#facts = facts;
  }

  render(part: Part): string {
    // Ollama's answers have one choice, and its requests cannot ask for more.
    if ('choice' in part && (part.choice ?? 0) > 0) return '';
    switch (part.type) {
      case 'text-delta':
        return this.#text(part.text, renderLogprobs(part.logprobs));
      case 'refusal-delta':
        return this.#text(part.text);
      case 'reasoning-delta':
        return this.#line({ text: '', thinking: part.text });
      case 'tool-call-delta':
        this.#toolCalls.add(part);
        return '';
      case 'choice-ended':
        this.#stop = part.stop;
        return this.#flushToolCalls();
      case 'usage':
        this.#usage = part.usage;
        return '';
      case 'reply-ended':
        return this.#flushToolCalls() + this.#lastLine();
      case 'reply-failed':
        return '';
    }
  }

  #text(text: string, logprobs?: readonly Json[]): string {
    this.#form.hear?.(text);
    return this.#line({ text }, logprobs);
  }

  #line(said: Said, logprobs?: readonly Json[]): string {
    const elapsedMs = this.#facts.elapsedMs();
    this.#firstMs ??= elapsedMs;
    return `${JSON.stringify({
      model: this.#facts.model,
      created_at: timestamp(this.#facts.wallMs + elapsedMs),
      ...this.#form.render(said),
      done: false,
      logprobs,
    })}\n`;
  }

  #flushToolCalls(): string {
    if (this.#toolCalls.size === 0) return '';
    return this.#line({ text: '', toolCalls: renderToolCalls(this.#toolCalls.take()) });
  }

  #lastLine(): string {
    const elapsedMs = this.#facts.elapsedMs();
    const end = {
      stop: this.#stop,
      usage: this.#usage,
      elapsedMs,
      firstMs: this.#firstMs ?? elapsedMs,
    };
    return `${JSON.stringify({
      model: this.#facts.model,
      created_at: timestamp(this.#facts.wallMs + elapsedMs),
      ...this.#form.render({ text: '' }),
      ...renderEnd(this.#form, end),
    })}\n`;
  }
}

function renderEnd(form: ReplyForm, end: End) {
  const reason = { done: true, done_reason: doneReasons[end.stop] };
  if (end.stop === 'load' || end.stop === 'unload') return reason;
  return { ...reason, ...form.last?.(), ...renderMetrics(end) };
}

/** What the upstream did not measure is measured here: the wait for the first piece, and the rest. */
function renderMetrics({ usage, elapsedMs, firstMs }: End) {
  return {
    total_duration: nanoseconds(elapsedMs),
    load_duration: usage?.loadNs ?? 0,
    prompt_eval_count: usage?.inputTokens,
    prompt_eval_duration: usage?.promptNs ?? nanoseconds(firstMs),
    eval_count: usage?.outputTokens,
    eval_duration: usage?.outputNs ?? nanoseconds(elapsedMs - firstMs),
  };
}

export function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6);
}

/** RFC 3339 with nanoseconds, as Go writes it. */
export function timestamp(wallMs: number): string {
  const whole = Math.floor(wallMs);
  const nanos = Math.floor((wallMs - whole) * 1e6);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(nanos).padStart(6, '0')}Z`;
}

/** OpenAI wraps the list of tokens; Ollama has the list alone, with the same entries. */
function renderLogprobs(logprobs: Json | undefined): readonly Json[] | undefined {
  if (!isObject(logprobs)) return undefined;
  const content = logprobs['content'];
  return isList(content) ? content : undefined;
}
