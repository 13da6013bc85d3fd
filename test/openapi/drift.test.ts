/** The documents and clients in the repository are those of this gateway. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { makeClients } from '../../scripts/make-clients.ts';
import type { JsonObject } from '../../src/core/call.ts';
import { readDocument } from '../../src/openapi/read-document.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';

const outdated = 'is out of date; write it anew with: UPDATE_DOCS=1 npm test -- openapi/drift';
const update = process.env['UPDATE_DOCS'] === '1';

let admin: TestAdmin;
before(async () => {
  admin = await openTestAdmin();
});
after(() => admin.close());

async function documentOf(url: string): Promise<JsonObject> {
  const answer = await fetch(`${url}/openapi.json`, { headers: { authorization: `Bearer ${admin.token}` } });
  return (await answer.json()) as JsonObject;
}

function hold(path: string, current: string): void {
  if (update) writeFileSync(path, current);
  else assert.ok(existsSync(path) && readFileSync(path, 'utf8') === current, `${path} ${outdated}`);
}

test('docs/openapi and the clients are what the gateway says of itself', async () => {
  const clients = await documentOf(admin.gateway.url);
  const ofAdmin = await documentOf(admin.url);
  hold('docs/openapi/clients.json', `${JSON.stringify(clients, null, 1)}\n`);
  hold('docs/openapi/admin.json', `${JSON.stringify(ofAdmin, null, 1)}\n`);
  const made = makeClients({ clients: readDocument(clients), admin: readDocument(ofAdmin) });
  for (const [path, text] of made) hold(path, text);
});
