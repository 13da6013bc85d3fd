/** Changes one part of a configuration's text and leaves the rest as somebody wrote it, comments included. */
import { type Document, parseDocument } from 'yaml';
import { Failure, fail } from '../core/failure.ts';

export interface TextPart {
  readonly text: string;
  readonly path: readonly string[];
}

export function withPart({ text, path, value }: TextPart & { readonly value: unknown }): string {
  return edited(text, (document) => {
    document.setIn(path, document.createNode(value));
  });
}

/** Throws `not_found` where the text does not name it. */
export function withoutPart({ text, path }: TextPart): string {
  return edited(text, (document) => {
    // Where what it would stand in is not there either, to take it out is a mistake to the library.
    if (!document.hasIn(path)) throw fail('not_found', `the configuration names no ${path.join('.')}`);
    document.deleteIn(path);
  });
}

function edited(text: string, edit: (document: Document) => void): string {
  const document = parseDocument(text, { version: '1.2', schema: 'core', merge: false });
  try {
    edit(document);
    return document.toString({ lineWidth: 0 });
  } catch (cause) {
    // It writes aliases and anchors only as they were read.
    if (cause instanceof Failure) throw cause;
    throw fail(
      'conflict',
      'an alias or anchor stands in the way here: apply the whole configuration instead',
      {
        cause,
      },
    );
  }
}
