/** The documents of both listeners, as they are served: complete, sound, and nobody's who may not have them (API9). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../src/core/call.ts';
import { describedRoutes } from '../../src/openapi/client-document.ts';
import { operationsOf, type ReadDocument, readDocument } from '../../src/openapi/read-document.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { openTestGateway } from '../gateway.ts';

let admin: TestAdmin;
before(async () => {
  admin = await openTestAdmin();
});
after(() => admin.close());

const bytesMax = 1024 * 1024;

const ofClients = () => fetch(`${admin.gateway.url}/openapi.json`);
const ofAdmin = () => fetch(`${admin.url}/openapi.json`, { headers: bearing() });
const bearing = () => ({ authorization: `Bearer ${admin.token}` });

async function read(answer: Response): Promise<ReadDocument> {
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
  const text = await answer.text();
  assert.ok(text.length < bytesMax);
  return readDocument(JSON.parse(text) as JsonObject);
}

const listed = (document: ReadDocument) =>
  operationsOf(document)
    .map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '*')}`)
    .sort();

test('API9: what the clients’ listener answers and what its document lists is the same', async () => {
  const { routes } = admin.gateway.gateway.snapshot;
  const gets = new Set(routes.filter(({ method }) => method === 'GET').map(({ path }) => path));
  const registered = routes
    .filter(({ method, path }) => method !== 'HEAD' || !gets.has(path))
    .map(({ method, path }) => `${method} ${path}`)
    .sort();
  assert.deepEqual(listed(await read(await ofClients())), registered);
});

test('API9: nothing is described that the clients’ listener does not answer', () => {
  const registered = new Set(admin.gateway.gateway.snapshot.routes.map(({ route }) => route.name));
  const described = Object.values(describedRoutes).flatMap((routes) => Object.keys(routes));
  assert.deepEqual(
    described.filter((name) => !registered.has(name)),
    [],
  );
  assert.equal(described.length, registered.size);
});

test('API9: what the admin listener answers and what its document lists is the same', async () => {
  const registered = admin.routes.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, '*')}`).sort();
  assert.deepEqual(listed(await read(await ofAdmin())), registered);
});

for (const [whose, ask] of [
  ['clients’', ofClients],
  ['admin', ofAdmin],
] as const) {
  test(`every operation of the ${whose} document is told apart, and points at what is there`, async () => {
    const document = await read(await ask());
    const operations = operationsOf(document).map(({ operation }) => operation);
    const ids = operations.map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    const tags = new Map(document.tags.map(({ name, description }) => [name, description]));
    for (const { operationId, tags: own, summary } of operations) {
      assert.ok((tags.get(own[0]) ?? '') !== '', `nobody says what ${own[0]} is, of ${operationId}`);
      assert.notEqual(summary, '', operationId);
    }
    for (const [, reference = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = reference
        .split('/')
        .reduce<unknown>((within, name) => (within as JsonObject | undefined)?.[name], document);
      assert.ok(found !== undefined, reference);
    }
  });
}

test('G1: the admin document needs a credential, and a browser that has none is told how to come to it', async () => {
  for (const path of ['/openapi.json', '/docs', '/redoc']) {
    const refused = await fetch(admin.url + path);
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('content-type') ?? '', /problem\+json/);
  }
  const page = await fetch(`${admin.url}/docs`, { headers: { accept: 'text/html,*/*;q=0.8' } });
  assert.equal(page.status, 401);
  const text = await page.text();
  assert.match(text, /needs the admin token/);
  assert.doesNotMatch(text, /admin\/api\/v1\/keys/);
});

test('a document is one for as long as its configuration, and another listener’s is not in it', async () => {
  const first = await (await ofClients()).text();
  assert.equal(await (await ofClients()).text(), first);
  assert.doesNotMatch(first, /\/admin\//);
});

test('listen.docs: false takes documents and pages away from the clients’ listener', async () => {
  const gateway = await openTestGateway({ config: { listen: { docs: false } } });
  try {
    for (const path of ['/openapi.json', '/docs', '/redoc']) {
      assert.equal((await fetch(gateway.url + path)).status, 404);
    }
  } finally {
    await gateway.close();
  }
});
