/** Conversations in this process: gone when it ends, and bounded in number, size and age. */
import type { Message } from '../../core/call.ts';
import type { Conversations } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { bytesPerUnit, type ConversationsOptions, sizeOf, withinBounds } from '../conversation-bounds.ts';

/** At once: nothing here is waited for. */
export interface MemoryConversations extends Conversations {
  read(tenant: string, id: string): readonly Message[];
  append(tenant: string, id: string, messages: readonly Message[]): void;
  delete(tenant: string, id: string): boolean;
}

export function createMemoryConversations(options: ConversationsOptions, clock: Clock): MemoryConversations {
  return new KeptConversations(options, clock);
}

interface Kept {
  readonly messages: readonly Message[];
  readonly bytes: number;
  readonly diesMs: number;
}

class KeptConversations implements MemoryConversations {
  readonly #options: ConversationsOptions;
  readonly #clock: Clock;
  /** Continued longest ago first, which is also the order in which they die: a map keeps the order of its keys. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(options: ConversationsOptions, clock: Clock) {
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
