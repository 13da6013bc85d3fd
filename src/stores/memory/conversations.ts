/** Conversations in this process: gone when it ends, and bounded in number, size and age. */
import type { Message } from '../../core/call.ts';
import type { ConversationPage, Conversations } from '../../core/ports.ts';
import { isOf, type Owner, type Subject } from '../../core/subject.ts';
import type { Clock } from '../../lib/clock.ts';
import { bytesPerUnit, type ConversationsOptions, sizeOf, withinBounds } from '../conversation-bounds.ts';

/** At once: nothing here is waited for. */
export interface MemoryConversations extends Conversations {
  read(owner: Owner, id: string): readonly Message[];
  append(owner: Owner, id: string, messages: readonly Message[]): void;
  delete(owner: Owner, id: string): boolean;
  list(owner: Owner): ConversationPage;
  erase(subject: Subject): number;
}

export function createMemoryConversations(options: ConversationsOptions, clock: Clock): MemoryConversations {
  return new KeptConversations(options, clock);
}

interface Kept {
  readonly owner: Owner;
  readonly id: string;
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

  read(owner: Owner, id: string): readonly Message[] {
    return this.#living(keyOf(owner, id))?.messages ?? [];
  }

  append({ tenant, user }: Owner, id: string, messages: readonly Message[]): void {
    const owner = { tenant, user };
    const key = keyOf(owner, id);
    const before = this.#living(key)?.messages ?? [];
    this.#drop(key);
    const bounded = withinBounds([...before, ...messages], this.#options);
    if (bounded.length === 0) return;
    const bytes = sizeOf(bounded) + key.length * bytesPerUnit;
    const diesMs = this.#clock.now() + this.#options.ttlS * 1000;
    this.#kept.set(key, { owner, id, messages: bounded, bytes, diesMs });
    this.#bytes += bytes;
    this.#makeRoom();
  }

  delete(owner: Owner, id: string): boolean {
    const key = keyOf(owner, id);
    const living = this.#living(key) !== undefined;
    this.#drop(key);
    return living;
  }

  list(owner: Owner): ConversationPage {
    const living = [...this.#of(owner)].filter(([key]) => this.#living(key) !== undefined);
    return { conversations: living.map(([, { id, messages }]) => ({ id, messages })) };
  }

  erase(subject: Subject): number {
    const keys = [...this.#of(subject)].map(([key]) => key);
    for (const key of keys) this.#drop(key);
    return keys.length;
  }

  *#of(subject: Subject): Iterable<readonly [string, Kept]> {
    for (const entry of this.#kept) if (isOf(entry[1].owner, subject)) yield entry;
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

/** The lengths keep a name from being spelt so that it reaches into another's conversations. */
function keyOf({ tenant, user }: Owner, id: string): string {
  return `${tenant.length}:${tenant}:${user.length}:${user}:${id}`;
}
