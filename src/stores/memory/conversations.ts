/** Conversations in this process: gone when it ends, and bounded in number, size and age. */
import type { Content, Message } from '../../core/call.ts';
import type { Conversations } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';

export interface MemoryConversationsOptions {
  /** How long one is kept after its last turn. */
  readonly ttlS: number;
  /** What all of them may hold together; those continued longest ago go first. */
  readonly bytesMax: number;
  readonly messagesMax: number;
  readonly conversationBytesMax: number;
}

export function createMemoryConversations(options: MemoryConversationsOptions, clock: Clock): Conversations {
  return new MemoryConversations(options, clock);
}

interface Kept {
  readonly messages: readonly Message[];
  readonly bytes: number;
  readonly diesMs: number;
}

class MemoryConversations implements Conversations {
  readonly #options: MemoryConversationsOptions;
  readonly #clock: Clock;
  /** Continued longest ago first, which is also the order in which they die: a map keeps the order of its keys. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(options: MemoryConversationsOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  read(tenant: string, id: string): readonly Message[] {
    return this.#living(keyOf(tenant, id))?.messages ?? [];
  }

  append(tenant: string, id: string, messages: readonly Message[]): void {
    const key = keyOf(tenant, id);
    const before = this.#living(key)?.messages ?? [];
    this.#drop(key);
    const bounded = withinBounds([...before, ...messages], this.#options);
    if (bounded.length === 0) return;
    const bytes = sizeOf(bounded) + key.length * bytesPerUnit;
    this.#kept.set(key, { messages: bounded, bytes, diesMs: this.#clock.now() + this.#options.ttlS * 1000 });
    this.#bytes += bytes;
    this.#makeRoom();
  }

  delete(tenant: string, id: string): boolean {
    const key = keyOf(tenant, id);
    const living = this.#living(key) !== undefined;
    this.#drop(key);
    return living;
  }

  #living(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined || this.#clock.now() < kept.diesMs) return kept;
    this.#drop(key);
    return undefined;
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }

  /** Nobody may ever ask for the dead again, so that the living have to make room for themselves. */
  #makeRoom(): void {
    const now = this.#clock.now();
    for (const [key, { diesMs }] of this.#kept) {
      if (this.#bytes <= this.#options.bytesMax && now < diesMs) return;
      this.#drop(key);
    }
  }
}

/** The length keeps a tenant from being spelt so that it reaches into another's conversations. */
function keyOf(tenant: string, id: string): string {
  return `${tenant.length}:${tenant}:${id}`;
}

/** Drops the oldest turns, each a question with all that answered it, until the rest fits. Rules stay. */
function withinBounds(messages: readonly Message[], options: MemoryConversationsOptions): readonly Message[] {
  const candidates = withoutRepeatedRules(messages);
  let count = candidates.length;
  let bytes = sizeOf(candidates);
  const tooMuch = () => count > options.messagesMax || bytes > options.conversationBytesMax;
  let dropping = tooMuch();
  const kept = candidates.filter((message) => {
    if (isRule(message)) return true;
    if (message.role === 'user') dropping = tooMuch();
    if (dropping) {
      count -= 1;
      bytes -= sizeOf([message]);
    }
    return !dropping;
  });
  return tooMuch() ? [] : kept;
}

/** Clients send the same rules with every turn; once is enough. */
function withoutRepeatedRules(messages: readonly Message[]): readonly Message[] {
  const seen = new Set<string>();
  return messages.filter((message) => {
    if (!isRule(message)) return true;
    const text = JSON.stringify(message);
    return !seen.has(text) && seen.add(text);
  });
}

function isRule({ role }: Message): boolean {
  return role === 'system' || role === 'developer';
}

const bytesPerUnit = 2;
const messageBytes = 64;

/** An upper bound: strings take one or two bytes a unit, and objects a little beside them. */
function sizeOf(messages: readonly Message[]): number {
  return messages.reduce((bytes, message) => bytes + messageBytes + unitsOf(message) * bytesPerUnit, 0);
}

function unitsOf({ content, reasoning = '', toolCalls = [], toolCallId = '', name = '' }: Message): number {
  const texts = typeof content === 'string' ? [content] : content.map(textOf);
  const calls = toolCalls.flatMap((call) => [call.id, call.name, call.arguments]);
  return [...texts, ...calls, reasoning, toolCallId, name].reduce((units, text) => units + text.length, 0);
}

function textOf(content: Content): string {
  if (content.type === 'other') return JSON.stringify(content.value);
  return content.type === 'text' ? content.text : content.url;
}
