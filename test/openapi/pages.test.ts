/** The pages: they load nothing from anywhere, run nothing but their own, and lead nowhere that is not there. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Script } from 'node:vm';
import { z } from 'zod';
import { createDocument } from '../../src/openapi/document.ts';
import { renderDocs, renderReference } from '../../src/openapi/pages/document-pages.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';

let admin: TestAdmin;
before(async () => {
  admin = await openTestAdmin();
});
after(() => admin.close());

async function pages(): Promise<readonly { at: string; policy: string; text: string }[]> {
  const headers = { authorization: `Bearer ${admin.token}` };
  const addresses = [admin.gateway.url, admin.url].flatMap((url) => [`${url}/docs`, `${url}/redoc`]);
  return Promise.all(
    addresses.map(async (at) => {
      const answer = await fetch(at, { headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
      const policy = answer.headers.get('content-security-policy') ?? '';
      return { at, policy, text: await answer.text() };
    }),
  );
}

const partsOf = (text: string, tag: string) =>
  [...text.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, inner = '']) => inner);

test('a page needs no network but the listener that it came from, and its policy lets it have no more', async () => {
  for (const { at, policy, text } of await pages()) {
    assert.match(policy, /^default-src 'none'; /);
    assert.match(policy, /connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/);
    for (const part of [...partsOf(text, 'style'), ...partsOf(text, 'script')]) {
      const digest = createHash('sha256').update(part).digest('base64');
      assert.ok(policy.includes(`'sha256-${digest}'`), at);
    }
    assert.deepEqual([partsOf(text, 'style').length, partsOf(text, 'script').length], [1, 1]);
    assert.doesNotMatch(text, /<(?:link|img|iframe|script [^>]|[a-z]+ [^>]*\bon[a-z]+=|[a-z]+ [^>]*style=)/);
    assert.doesNotMatch(text, /(?:href|src)="(?:https?:)?\/\//);
    // It would not start where it does not parse.
    for (const part of partsOf(text, 'script')) new Script(part);
  }
});

test('whatever a page points at is on it, or is another page that is served', async () => {
  for (const { at, text } of await pages()) {
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length, `an id stands twice at ${at}`);
    const links = new Set([...text.matchAll(/href="([^"]+)"/g)].map(([, link = '']) => link));
    assert.ok(links.size > 50);
    for (const link of links) {
      if (link.startsWith('#')) assert.ok(ids.includes(link.slice(1)), `${at}${link}`);
      else assert.match(link, /^(?:openapi\.json|docs|redoc)$/);
    }
  }
});

test('every operation stands on both pages with a way to write it', async () => {
  const operations = admin.routes.map(({ name }) => name);
  for (const { at, text } of await pages()) {
    if (!at.startsWith(admin.url)) continue;
    for (const name of operations) assert.ok(text.includes(`<code>${name}</code>`), `${name} at ${at}`);
    assert.match(text, /curl &quot;\$MILLRACE_URL\/admin\/api\/v1\/keys\?limit=50&quot;/);
    assert.match(text, /await admin\.keys\.create\(/);
    assert.match(text, /admin\.keys\.rotate\(/);
  }
});

test('nothing of a document gets into a page as anything but text', () => {
  const evil = `"'><script>alert(1)</script><img src=x onerror=alert(1)>\``;
  const words = z.object({ [evil]: z.enum([evil]).describe(evil) }).describe(evil);
  const document = createDocument(
    [
      {
        id: evil,
        method: evil,
        path: `/${evil}`,
        tag: evil,
        summary: evil,
        description: evil,
        permission: evil,
        parameters: [
          {
            name: evil,
            in: 'query',
            required: true,
            description: evil,
            schema: { default: evil },
            example: evil,
          },
        ],
        body: { type: evil, schema: words, required: true, example: { [evil]: evil } },
        answers: { 200: { description: evil, content: { [evil]: { text: evil } }, headers: [evil] } },
        failures: evil,
      },
    ],
    {
      title: evil,
      description: evil,
      tags: { [evil]: evil },
      securitySchemes: { [evil]: { description: evil } },
      failures: { [evil]: { description: evil, type: evil, schema: words, example: evil } },
      headers: { [evil]: evil },
    },
  );
  for (const page of [renderDocs(document), renderReference(document)]) {
    const [, body = ''] = page.split('</style>');
    assert.equal(body.split('<script>').length, 2, 'its own script alone');
    assert.doesNotMatch(body, /<img/);
    assert.doesNotMatch(body, /="[^"]*">&#39;/);
  }
});
