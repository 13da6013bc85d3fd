/** A document read back: its operations in order, as pages and generators of clients want them. */
import type { Json, JsonObject } from '../core/call.ts';

export interface ReadParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonObject;
  readonly example?: string;
}

export interface ReadMedia {
  readonly schema: JsonObject;
  readonly example?: Json;
  readonly 'x-millrace-item'?: JsonObject;
}

export interface ReadAnswer {
  readonly description: string;
  readonly content?: Readonly<Record<string, ReadMedia>>;
  readonly headers?: JsonObject;
}

export interface ReadOperation {
  readonly operationId: string;
  readonly tags: readonly [string];
  readonly summary: string;
  readonly description?: string;
  readonly security: readonly JsonObject[];
  readonly parameters?: readonly ReadParameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, ReadMedia>>;
  };
  readonly responses: Readonly<Record<string, ReadAnswer>> & { readonly default: { readonly $ref: string } };
  readonly 'x-millrace-permission': string;
  readonly 'x-millrace-same-as'?: string;
  readonly 'x-millrace-page'?: { readonly items: string; readonly next: string };
}

export interface PlacedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: ReadOperation;
}

export interface ReadDocument {
  readonly info: { readonly title: string; readonly description: string; readonly version: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, ReadOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonObject>>;
    readonly responses: Readonly<Record<string, ReadAnswer>>;
    readonly headers: Readonly<Record<string, { readonly description: string }>>;
    readonly securitySchemes: Readonly<Record<string, { readonly description: string }>>;
  };
}

/** Our own documents alone: what others write is shaped in other ways. */
export function readDocument(document: JsonObject): ReadDocument {
  return document as unknown as ReadDocument;
}

export function operationsOf({ paths }: ReadDocument): readonly PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}
