/** What Ollama servers say of failed operations, and what of it reaches the operator: the words, never our key (G8). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../upstream/library.ts';
import { linesOf, type OllamaFleet, openOllamaFleet } from './ollama-fleet.ts';

const key = 'canary-key-of-the-upstream-7f3a9c2e';
const headerValue = 'canary-header-of-the-upstream-41ac';
const upstream = { key, headers: { 'x-tenant': `Token ${headerValue}` } };
/** Its beginning is enough: long words are cut. */
const telling = /canary-key|canary-header/;

const said = `no pull for Bearer ${key} (Token ${headerValue}), ask your registry`;
/** As Ollama says it, and as servers that only speak like it do. */
const forms: Readonly<Record<string, unknown>> = {
  'a text': said,
  'an object': { message: said, code: 401 },
};

const notAListing = /^\/api\/(?!tags$|version$)/;

function everyoneSays(fleet: OllamaFleet, status: number, body: string): void {
  for (const server of [fleet.a, fleet.b]) server.behave({ only: notAListing, status, body });
}

const asked: readonly (readonly [method: string, path: string, more: object])[] = [
  ['POST', '/api/show', { json: { model: 'shared' } }],
  ['POST', '/api/pull', { json: { model: 'new' } }],
  ['POST', '/api/pull', { json: { model: 'new', stream: false } }],
  ['POST', '/api/pull', { json: { model: 'new', upstreams: ['gpu-b'] } }],
  ['POST', '/api/push', { json: { model: 'shared' } }],
  ['POST', '/api/create', { json: { model: 'made', from: 'shared' } }],
  ['POST', '/api/copy', { json: { source: 'shared', destination: 'mine' } }],
  ['DELETE', '/api/delete', { json: { model: 'shared' } }],
  ['POST', `/api/blobs/${digestOf('x')}`, { body: 'x' }],
];

for (const [form, error] of Object.entries(forms)) {
  test(`a refusal that repeats our key in ${form} is passed on without it`, async () => {
    await using fleet = await openOllamaFleet({ upstream });
    for (const status of [400, 404, 500]) {
      everyoneSays(fleet, status, JSON.stringify({ error }));
      for (const [method, path, more] of asked) {
        const response = await fleet.request(method, path, more);
        const text = await response.text();
        assert.ok(response.status >= 400, `${path} ${status}`);
        assert.doesNotMatch(text, telling, `${path} ${status}`);
        // The server that has the blob not is asked with HEAD, whose answer has no words.
        if (!path.startsWith('/api/blobs/'))
          assert.match(text, /no pull for Bearer \*\*\* /, `${path} ${status}`);
      }
    }
    assert.equal(fleet.a.requests.at(-1)?.headers.authorization, `Bearer ${key}`, 'the key was sent');
    assert.doesNotMatch(fleet.gateway.lines.join('\n'), telling);
  });

  test(`a line of progress that repeats our key in ${form} ends the pull without it`, async () => {
    await using fleet = await openOllamaFleet({ upstream });
    const begun = JSON.stringify({ status: 'pulling manifest' });
    everyoneSays(fleet, 200, `${begun}\n${JSON.stringify({ error })}\n`);
    for (const json of [{ model: 'new' }, { model: 'new', upstreams: ['gpu-a'] }]) {
      const lines = await linesOf(await fleet.request('POST', '/api/pull', { json }));
      assert.match(lines[0]?.status ?? '', /pulling manifest$/);
      assert.match(
        lines.at(-1)?.error ?? '',
        /pull failed on gpu-a .*no pull for Bearer \*\*\* .*ask your registry/,
      );
      assert.doesNotMatch(JSON.stringify(lines), telling);
    }
    assert.doesNotMatch(fleet.gateway.lines.join('\n'), telling);
  });
}

test('a key that the length of an error cuts in two leaves no half of it', async () => {
  await using fleet = await openOllamaFleet({ upstream });
  for (const status of [200, 500]) {
    for (const padding of [470, 480, 490]) {
      everyoneSays(fleet, status, `${JSON.stringify({ error: `${'.'.repeat(padding)}${key}` })}\n`);
      const response = await fleet.request('POST', '/api/pull', { json: { model: 'new' } });
      assert.doesNotMatch(await response.text(), telling, `${status} ${padding}`);
    }
  }
});
