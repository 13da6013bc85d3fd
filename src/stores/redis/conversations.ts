/**
 * Conversations that all replicas know. Each is one text, read whole and written back only if nobody else wrote
 * meanwhile; what all of them hold is counted beside them, so that those continued longest ago can go first.
 */
import { hash, randomBytes } from 'node:crypto';
import type { Message } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import type { ConversationPage, Conversations, KeptConversation, Sealer, Sealers } from '../../core/ports.ts';
import type { Owner, Subject } from '../../core/subject.ts';
import { SealError } from '../../lib/seal.ts';
import { type ConversationsOptions, withinBounds } from '../conversation-bounds.ts';
import { isOutage } from '../sql/outage.ts';
import type { Redis } from './connection.ts';
import { appendScript, eraseScript, forgetScript, listScript, readScript } from './conversation-scripts.ts';
import { parseConversation } from './conversation-text.ts';
import { RedisError } from './fault.ts';

export interface RedisConversations extends Conversations {
  read(owner: Owner, id: string): Promise<readonly Message[]>;
  append(owner: Owner, id: string, messages: readonly Message[]): Promise<void>;
  delete(owner: Owner, id: string): Promise<boolean>;
  list(owner: Owner, after?: string): Promise<ConversationPage>;
  erase(subject: Subject): Promise<number>;
  /** How many appends could not be kept. */
  readonly lost: number;
}

export interface ConversationsPlace {
  readonly redis: Redis;
  /** Each one's conversations are sealed with his own key: the server never sees what was said. */
  readonly sealers: Pick<Sealers, 'of'>;
}

export function createRedisConversations(
  options: ConversationsOptions,
  place: ConversationsPlace,
): RedisConversations {
  return new Kept(options, place);
}

/** Others may append to the same conversation: so often we try to be the one whose turn it is. */
const attemptsMax = 8;
const retryAfterS = 5;
const order = 'millrace:{conversations}:order';
const sizes = 'millrace:{conversations}:sizes';
/**
 * JSON takes more than what it tells, and escapes some characters with six; sealed and as text it is a third longer:
 * beyond this it is no text of ours.
 */
const textFactor = 6;
const textBytes = 64 * 1024;
const markBytes = 12;
/** Where a walk through all of them begins, and where it has ended. */
const beginning = '0';

/** Where a conversation is, what opens it, and what its owner calls it. */
interface Place extends Locked {
  readonly id: string;
}

interface Locked {
  readonly key: string;
  readonly sealer: Sealer;
}

interface Read {
  /** Of the text as it was found; empty when there is none. */
  readonly mark: string;
  readonly messages: readonly Message[];
}

const nothing: Read = { mark: '', messages: [] };

class Kept implements RedisConversations {
  readonly #options: ConversationsOptions;
  readonly #redis: Redis;
  readonly #sealers: Pick<Sealers, 'of'>;
  readonly #textBytesMax: number;
  lost = 0;

  constructor(options: ConversationsOptions, { redis, sealers }: ConversationsPlace) {
    this.#options = options;
    this.#redis = redis;
    this.#sealers = sealers;
    this.#textBytesMax = options.conversationBytesMax * textFactor + textBytes;
  }

  async read(owner: Owner, id: string): Promise<readonly Message[]> {
    try {
      return (await this.#read(await this.#place(owner, id))).messages;
    } catch (thrown) {
      throw asFailure(thrown);
    }
  }

  async append(owner: Owner, id: string, messages: readonly Message[]): Promise<void> {
    try {
      const place = await this.#place(owner, id);
      for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
        if (await this.#append(place, await this.#read(place), messages)) return;
      }
      this.lost += 1;
    } catch (thrown) {
      if (!(thrown instanceof RedisError || isOutage(thrown))) throw thrown;
      this.lost += 1;
    }
  }

  async delete(owner: Owner, id: string): Promise<boolean> {
    try {
      return await this.#forget(keyOf(owner, id));
    } catch (thrown) {
      throw asFailure(thrown);
    }
  }

  async list(owner: Owner, after = beginning): Promise<ConversationPage> {
    try {
      const found = await this.#redis.run(listScript, [sizes], [prefixOf(owner), after]);
      const [next = beginning, ...keys] = Array.isArray(found) ? found.map(String) : [];
      const conversations: KeptConversation[] = [];
      for (const key of keys) {
        const sealer = await this.#sealers.of(owner.tenant, owner.user);
        const kept = parseText(await this.#text(key), { key, sealer });
        if (kept !== undefined) conversations.push(kept.conversation);
      }
      return next === beginning ? { conversations } : { conversations, next };
    } catch (thrown) {
      throw asFailure(thrown);
    }
  }

  async erase(subject: Subject): Promise<number> {
    try {
      let gone = 0;
      let after = beginning;
      do {
        const keys = [prefixOf(subject), order, sizes];
        const answer = await this.#redis.run(eraseScript, keys, [prefixOf(subject), after]);
        const [next, count] = Array.isArray(answer) ? answer : [];
        gone += Number(count ?? 0);
        after = String(next ?? beginning);
      } while (after !== beginning);
      return gone;
    } catch (thrown) {
      throw asFailure(thrown);
    }
  }

  async #place(owner: Owner, id: string): Promise<Place> {
    return { id, key: keyOf(owner, id), sealer: await this.#sealers.of(owner.tenant, owner.user) };
  }

  async #read(place: Place): Promise<Read> {
    const text = await this.#text(place.key);
    if (text === '') return nothing;
    const parsed = parseText(text, place);
    if (parsed !== undefined) return { mark: parsed.mark, messages: parsed.conversation.messages };
    // Someone else's, broken, or of a key that was destroyed: it is as if nobody had begun, and it must not stay in the
    // way (DP8).
    await this.#forget(place.key);
    return nothing;
  }

  /** Empty when there is none. */
  async #text(key: string): Promise<string> {
    const found = await this.#redis.run(readScript, [key], [String(this.#textBytesMax)]);
    return typeof found === 'string' ? found : '';
  }

  /** False when someone else wrote since it was read. */
  async #append(place: Place, read: Read, messages: readonly Message[]): Promise<boolean> {
    const bounded = withinBounds([...read.messages, ...messages], this.#options);
    const { key } = place;
    const text = bounded.length === 0 ? '' : textOf(bounded, place);
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

/** Hashes, so that none can be spelt to reach into another's, and all of one's can be found by their beginning. */
function keyOf(owner: Owner, id: string): string {
  return `${prefixOf(owner)}${digest(id)}`;
}

function prefixOf({ tenant, user }: Subject): string {
  const ofTenant = `millrace:{conversations}:kept:${shortDigest(tenant)}:`;
  return user === undefined ? ofTenant : `${ofTenant}${shortDigest(user)}:`;
}

function shortDigest(text: string): string {
  return digest(text).slice(0, 22);
}

/** As JSON, because a lone half of a character has no bytes of its own. */
function digest(text: string): string {
  return hash('sha256', JSON.stringify(text), 'base64url');
}

const markLength = (markBytes / 3) * 4;

/** The mark stays readable: the server compares it. */
function textOf(messages: readonly Message[], { id, key, sealer }: Place): string {
  const sealed = sealer.seal(Buffer.from(JSON.stringify({ id, messages })), key);
  return `${randomBytes(markBytes).toString('base64url')}${Buffer.from(sealed).toString('base64url')}`;
}

interface Parsed {
  readonly mark: string;
  readonly conversation: KeptConversation;
}

function parseText(text: string, place: Locked): Parsed | undefined {
  const json = openText(text.slice(markLength), place);
  const conversation = json === undefined ? undefined : parseConversation(json);
  return conversation === undefined ? undefined : { mark: text.slice(0, markLength), conversation };
}

function openText(text: string, { key, sealer }: Locked): string | undefined {
  try {
    return Buffer.from(sealer.open(Buffer.from(text, 'base64url'), key)).toString();
  } catch (thrown) {
    if (thrown instanceof SealError) return undefined;
    throw thrown;
  }
}

function asFailure(thrown: unknown): unknown {
  if (!(thrown instanceof RedisError)) return thrown;
  return fail('dependency_unavailable', 'conversations cannot be reached; try again in a moment', {
    cause: thrown,
    retryAfterS,
  });
}
