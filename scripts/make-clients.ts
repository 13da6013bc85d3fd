/**
 * Writes the clients in `clients/` from the documents in `docs/openapi/`, which are what a gateway says of itself:
 *
 *   UPDATE_DOCS=1 npm test -- openapi/drift     writes both anew
 *   npx node scripts/make-clients.ts            the clients alone
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { JsonObject } from '../src/core/call.ts';
import { type ReadDocument, readDocument } from '../src/openapi/read-document.ts';
import { writePython } from './clients/python.ts';
import { writeTypescript } from './clients/typescript.ts';

export interface Documents {
  readonly clients: ReadDocument;
  readonly admin: ReadDocument;
}

const kinds = {
  simple: { className: 'Millrace', title: 'The simple API of a gateway.', flat: true },
  admin: { className: 'MillraceAdmin', title: 'The admin API of a gateway.', flat: false },
} as const;

/** Every file that is generated, by its path from the top of the repository. */
export function makeClients({ clients, admin }: Documents): ReadonlyMap<string, string> {
  return new Map([
    ['clients/typescript/src/generated/simple.ts', writeTypescript(clients, kinds.simple)],
    ['clients/typescript/src/generated/admin.ts', writeTypescript(admin, kinds.admin)],
    ['clients/python/millrace/simple.py', writePython(clients, kinds.simple)],
    ['clients/python/millrace/admin.py', writePython(admin, kinds.admin)],
  ]);
}

function readJson(path: string): ReadDocument {
  return readDocument(JSON.parse(readFileSync(path, 'utf8')) as JsonObject);
}

if (import.meta.main) {
  const documents = {
    clients: readJson('docs/openapi/clients.json'),
    admin: readJson('docs/openapi/admin.json'),
  };
  for (const [path, text] of makeClients(documents)) writeFileSync(path, text);
}
