/** One operation of an API, as documents, pages and generated clients need to know it. Both listeners describe theirs by it. */
import type { z } from 'zod';
import type { JsonObject } from '../core/call.ts';

export interface Operation {
  /** The route's name: `openai.chat`. */
  readonly id: string;
  readonly method: string;
  /** With `{name}` for what varies. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** `public` needs no credential. */
  readonly permission: string;
  readonly parameters: readonly Parameter[];
  readonly body?: Body;
  readonly answers: Readonly<Record<number, Answer>>;
  /** The failures that are told of it, by their name in the document. */
  readonly failures: string;
  /** The path that it is another name of. */
  readonly sameAs?: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonObject;
  readonly example?: string;
}

export interface Body {
  readonly type: string;
  /** Absent where it is bytes. */
  readonly schema?: z.ZodType;
  readonly required: boolean;
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  /** By media type; nothing where the answer has no body. */
  readonly content: Readonly<Record<string, Content>>;
  /** Names of headers that the document describes. */
  readonly headers?: readonly string[];
}

export type Content =
  /** Of a whole answer in JSON. */
  | { readonly schema: z.ZodType; readonly example?: unknown }
  /** Of a stream: what each event or line holds, and what ends it. */
  | { readonly item: z.ZodType; readonly description: string }
  /** Of anything else. */
  | { readonly text: string };
