/** Every example of both documents, sent as it stands there: what comes back is what the document says. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../src/core/call.ts';
import { givenOf } from '../../src/openapi/given.ts';
import {
  operationsOf,
  type PlacedOperation,
  type ReadDocument,
  type ReadMedia,
  readDocument,
} from '../../src/openapi/read-document.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { Browser } from '../identity/browser.ts';
import { comeBack, openIssuer, signIn } from '../identity/console-rig.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { misfit } from './follows-schema.ts';

let admin: TestAdmin;
let ollama: FakeLlm;
const closing: (() => unknown)[] = [];
before(async () => {
  const { oidc } = await openIssuer({ after: (close) => void closing.push(close as () => unknown) });
  ollama = await openFakeLlm({ models: ['gemma2:2b'] });
  admin = await openTestAdmin({
    config: {
      upstreams: {
        sim: { type: 'simulator', tokensPerSecond: 100_000, firstTokenMs: 1 },
        box: { type: 'ollama', url: ollama.url },
      },
      models: {
        gemma: { targets: [{ upstream: 'sim', model: 'simulator' }] },
        other: { targets: [{ upstream: 'sim', model: 'simulator' }] },
      },
      defaultModel: 'other',
      identity: { oidc },
    },
  });
});
after(async () => {
  await admin.close();
  await ollama.close();
  for (const close of closing) await close();
});

interface Sent {
  readonly placed: PlacedOperation;
  readonly document: ReadDocument;
  readonly url: string;
  readonly key: string;
  /** In place of the example's. */
  readonly body?: JsonObject;
  /** Of this gateway and this moment, in place of the example's. */
  readonly known?: Known;
}

type Known = Partial<Record<'path' | 'query' | 'header', Readonly<Record<string, string>>>>;

async function send({ placed, url, key, body: other, known = {} }: Sent): Promise<Response> {
  const { method, path } = placed;
  const { path: parts, query, header, body = other, type } = givenOf(placed);
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String({ ...parts, ...known.path }[name])),
  );
  const words = new URLSearchParams({ ...(query as Record<string, string>), ...known.query }).toString();
  return fetch(url + filled + (words === '' ? '' : `?${words}`), {
    method,
    redirect: 'manual',
    headers: {
      authorization: `Bearer ${key}`,
      ...(header as Record<string, string>),
      ...known.header,
      ...(type === undefined ? {} : { 'content-type': type }),
    },
    ...(type === undefined ? {} : { body: body === undefined ? '' : JSON.stringify(other ?? body) }),
  });
}

/** That it is one of the answers that the document promises. */
async function check(sent: Sent, answer: Response): Promise<void> {
  const { placed, document } = sent;
  const { operationId, responses } = placed.operation;
  const text = await answer.text();
  const promised = responses[String(answer.status)];
  assert.ok(answer.status < 400 && promised !== undefined, `${operationId}: ${answer.status} ${text}`);
  const { content = {}, headers = {} } = promised;
  for (const header of ['etag', 'link', 'location']) {
    if (answer.headers.has(header)) assert.ok(header in headers, `${operationId} does not tell of ${header}`);
  }
  const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
  if (Object.keys(content).length === 0) return assert.equal(text, '', operationId);
  const media = content[type];
  assert.ok(media !== undefined, `${operationId} answered in ${type}`);
  for (const [schema, value] of valuesOf(text, type, media)) {
    assert.equal(misfit(document, schema, value), undefined, `${operationId}: ${text.slice(0, 500)}`);
  }
}

type Valued = readonly [schema: JsonObject, value: unknown];

function valuesOf(text: string, type: string, media: ReadMedia): readonly Valued[] {
  const item = media['x-millrace-item'];
  if (item === undefined) {
    const value: unknown = type === 'application/json' ? JSON.parse(text) : text;
    return [[media.schema, value]];
  }
  const lines = text.split('\n').filter((line) => line !== '' && !line.endsWith('[DONE]'));
  assert.ok(lines.length > 0);
  return lines.map((line) => [item, JSON.parse(line.replace(/^data: /, ''))]);
}

async function documentOf(url: string, key: string): Promise<ReadDocument> {
  const answer = await fetch(`${url}/openapi.json`, { headers: { authorization: `Bearer ${key}` } });
  return readDocument((await answer.json()) as JsonObject);
}

test('every example of the clients’ document is answered as the document says, whole and as a stream', async () => {
  const { url, key } = admin.gateway;
  const document = await documentOf(url, key);
  // A file is brought before anyone asks for it.
  const operations = operationsOf(document).toSorted((one, other) => rank(one) - rank(other));
  for (const placed of operations) {
    const sent = { placed, document, url, key };
    await check(sent, await send(sent));
    const { body } = givenOf(placed);
    const types = Object.keys(placed.operation.responses['200']?.content ?? {});
    if (types.length > 1) {
      const streamed = { ...sent, body: { ...(body as JsonObject), stream: true } };
      await check(streamed, await send(streamed));
    }
  }
  assert.ok(operations.length > 35);
});

const rank = ({ method }: PlacedOperation): number => (method === 'HEAD' ? 1 : 0);

/** What an example cannot know: it names them, and this gateway's own stand in their place. */
const ownOf: Readonly<Record<string, () => Promise<Known>>> = {
  'session.come-back': async () => {
    const browser = new Browser();
    const query = Object.fromEntries(new URL(await comeBack({ admin }, browser)).searchParams);
    return { query, header: { cookie: browser.cookies(admin.url), authorization: '' } };
  },
  'sessions.end': async () => {
    await signIn({ admin });
    const { body } = await admin.ask('sessions');
    return { path: { id: body.items[0].id } };
  },
  'contents.show': async () => {
    const kept = { method: 'PATCH', body: { keepContentDays: 1 }, headers: { 'if-match': '*' } };
    assert.equal((await admin.ask('tenants/default', kept)).status, 200);
    const { url, key, gateway } = admin.gateway;
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'other', messages: [{ role: 'user', content: 'hi' }] }),
    });
    assert.equal(reply.status, 200, await reply.text());
    await gateway.lasting.privacy.contents.flush();
    return { path: { id: reply.headers.get('x-millrace-id') ?? '' } };
  },
};

test('every example of the admin document is answered as the document says', async () => {
  const { url, token: key } = admin;
  const document = await documentOf(url, key);
  const operations = operationsOf(document).toSorted((one, other) => turn(one) - turn(other));
  for (const placed of operations) {
    const known = await ownOf[placed.operation.operationId]?.();
    const sent = { placed, document, url, key, ...(known === undefined ? {} : { known }) };
    await check(sent, await send(sent));
  }
  assert.ok(operations.length > 35);
});

test('what is described as needing If-Match is refused without it', async () => {
  const { url, token: key } = admin;
  const document = await documentOf(url, key);
  const needing = operationsOf(document).filter(({ operation }) =>
    operation.parameters?.some(({ name, required }) => name === 'If-Match' && required),
  );
  for (const placed of needing) {
    const { parameters = [], ...operation } = placed.operation;
    const without = { ...operation, parameters: parameters.filter(({ name }) => name !== 'If-Match') };
    const answer = await send({ placed: { ...placed, operation: without }, document, url, key });
    assert.equal(answer.status, 428, operation.operationId);
  }
  assert.ok(needing.length > 4);
});

/** What is shown, changed and removed has to be made before. */
function turn({ method, path, operation }: PlacedOperation): number {
  // It may leave nothing as it was.
  if (operation.tags[0] === 'configuration' && path.includes('/config') && method !== 'GET') return 7;
  // Models go before the servers that they are on.
  if (operation.operationId === 'upstreams.remove') return 6;
  const isOfOne = path.includes('{');
  const turns = { PUT: 0, POST: isOfOne ? 4 : 1, GET: 2, PATCH: 3, DELETE: 5 };
  return turns[method as keyof typeof turns];
}
