/**
 * Conversations that all replicas know. Each is one text, read whole and written back only if nobody else wrote
 * meanwhile; what all of them hold is counted beside them, so that those continued longest ago can go first.
 */
import { hash, randomBytes } from 'node:crypto';
import type { Message } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import type { Conversations } from '../../core/ports.ts';
import { type ConversationsOptions, withinBounds } from '../conversation-bounds.ts';
import type { Redis } from './connection.ts';
import { appendScript, forgetScript, readScript } from './conversation-scripts.ts';
import { parseMessages } from './conversation-text.ts';
import { RedisError } from './fault.ts';

export interface RedisConversations extends Conversations {
  read(tenant: string, id: string): Promise<readonly Message[]>;
  append(tenant: string, id: string, messages: readonly Message[]): Promise<void>;
  delete(tenant: string, id: string): Promise<boolean>;
  /** How many appends could not be kept. */
  readonly lost: number;
}

export function createRedisConversations(options: ConversationsOptions, redis: Redis): RedisConversations {
  return new Kept(options, redis);
}

/** Others may append to the same conversation: so often we try to be the one whose turn it is. */
const attemptsMax = 8;
const retryAfterS = 5;
const order = 'millrace:{conversations}:order';
const sizes = 'millrace:{conversations}:sizes';
/** JSON takes more than what it tells, and escapes some characters with six: beyond this it is no text of ours. */
const jsonFactor = 4;
const jsonBytes = 64 * 1024;
const markBytes = 12;

interface Read {
  /** Of the text as it was found; empty when there is none. */
  readonly mark: string;
  readonly messages: readonly Message[];
}

const nothing: Read = { mark: '', messages: [] };

class Kept implements RedisConversations {
  readonly #options: ConversationsOptions;
  readonly #redis: Redis;
  readonly #textBytesMax: number;
  lost = 0;

  constructor(options: ConversationsOptions, redis: Redis) {
    this.#options = options;
    this.#redis = redis;
    this.#textBytesMax = options.conversationBytesMax * jsonFactor + jsonBytes;
  }

  async read(tenant: string, id: string): Promise<readonly Message[]> {
    try {
      return (await this.#read(keyOf(tenant, id))).messages;
    } catch (thrown) {
      throw asFailure(thrown);
    }
  }

  async append(tenant: string, id: string, messages: readonly Message[]): Promise<void> {
    const key = keyOf(tenant, id);
    try {
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        if (await this.#append(key, await this.#read(key), messages)) return;
      }
      this.lost += 1;
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      this.lost += 1;
    }
  }

  async delete(tenant: string, id: string): Promise<boolean> {
    try {
      return await this.#forget(keyOf(tenant, id));
    } catch (thrown) {
      throw asFailure(thrown);
    }
  }

  async #read(key: string): Promise<Read> {
    const found = await this.#redis.run(readScript, [key], [String(this.#textBytesMax)]);
    const parsed = typeof found === 'string' && found !== '' ? parseText(found) : nothing;
    if (parsed !== undefined) return parsed;
    // Someone else's, or broken: it is as if nobody had begun, and it must not stay in the way (DP8).
    await this.#forget(key);
    return nothing;
  }

  /** False when someone else wrote since it was read. */
  async #append(key: string, read: Read, messages: readonly Message[]): Promise<boolean> {
    const bounded = withinBounds([...read.messages, ...messages], this.#options);
    const text =
      bounded.length === 0 ? '' : `${randomBytes(markBytes).toString('base64url')}${JSON.stringify(bounded)}`;
    const bytes = Buffer.byteLength(text);
    if (text === '' || bytes > this.#textBytesMax) {
      await this.#forget(key);
      return true;
    }
    const size = bytes + key.length * 2;
    const { ttlS, bytesMax } = this.#options;
    const args = [read.mark, text, String(ttlS * 1000), String(size), String(bytesMax)];
    return (await this.#redis.run(appendScript, [key, order, sizes], args)) === 1;
  }

  async #forget(key: string): Promise<boolean> {
    return (await this.#redis.run(forgetScript, [key, order, sizes], [])) === 1;
  }
}

/** Hashes, so that neither can be spelt to reach into another's, and all of a tenant's can be found by their beginning. */
function keyOf(tenant: string, id: string): string {
  return `millrace:{conversations}:kept:${digest(tenant).slice(0, 22)}:${digest(id)}`;
}

/** As JSON, because a lone half of a character has no bytes of its own. */
function digest(text: string): string {
  return hash('sha256', JSON.stringify(text), 'base64url');
}

const markLength = (markBytes / 3) * 4;

function parseText(text: string): Read | undefined {
  const messages = parseMessages(text.slice(markLength));
  return messages === undefined ? undefined : { mark: text.slice(0, markLength), messages };
}

function asFailure(thrown: unknown): unknown {
  if (!(thrown instanceof RedisError)) return thrown;
  return fail('dependency_unavailable', 'conversations cannot be reached; try again in a moment', {
    cause: thrown,
    retryAfterS,
  });
}
