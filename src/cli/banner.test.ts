import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { curlLine, limitsOf, readyFacts, renderBanner, type Started, urlOf } from './banner.ts';
import { createPaint } from './paint.ts';

function start(env: Readonly<Record<string, string>> = {}): Started {
  const { config, id } = loadConfig({
    env,
    discovered: { upstreams: { simulator: { type: 'simulator' } }, defaultModel: 'simulator' },
  });
  return {
    version: '1.2.3',
    tookMs: 300,
    config,
    configId: id,
    configFile: undefined,
    port: 7070,
    adminPort: 7071,
    clientKey: 'sk-mr-canary',
    clientKeyFile: "/home/o'neil/.millrace/client-key",
    adminTokenFile: '/data/admin-token',
    findings: [
      { what: 'Ollama at 127.0.0.1:11434', used: false, says: 'nothing listens there' },
      { what: 'simulator', used: true, says: 'built in' },
    ],
    warnings: ['a warning'],
    typed: (words) => `millrace ${words}`,
  };
}

const plain = createPaint(false, {});

test('at a terminal the key, the addresses, what was found, the limits and warnings are shown', () => {
  const text = renderBanner(start(), { paint: plain, columns: undefined });
  for (const part of [
    'Millrace 1.2.3 is ready after 300 ms',
    'http://127.0.0.1:7070',
    'http://127.0.0.1:7071',
    'sk-mr-canary',
    'nothing listens there',
    '6000 requests a minute per key, 1000 at once',
    'bodies of 10 MiB in 60 s',
    '! a warning',
    'curl -sS http://127.0.0.1:7070/v1/chat/completions -H "Authorization: Bearer sk-mr-canary"',
  ]) {
    assert.ok(text.includes(part), `${part} is missing in:\n${text}`);
  }
});

test('on a narrow screen lines break between words, save the one to paste', () => {
  const lines = renderBanner(start(), { paint: plain, columns: 40 }).split('\n');
  const long = lines.filter((line) => line.length > 40);
  // What is left has one word alone in it, or is the line to paste.
  for (const line of long) assert.match(line.trim(), /^(?:\S+|curl .*)$/);
  assert.equal(lines.filter((line) => line.includes('curl -sS')).length, 1);
});

test('in a pipe the key is named by its file, also in the line to paste (G8)', () => {
  const text = JSON.stringify(readyFacts(start()));
  assert.equal(text.includes('canary'), false);
  assert.match(
    curlLine(start(), undefined),
    /"Authorization: Bearer \$\(cat '\/home\/o'\\''neil\/\.millrace\/client-key'\)"/,
  );
});

test('a gateway without keys gives a line without a key', () => {
  const line = curlLine(start({ MILLRACE__AUTH: 'none' }), 'sk-mr-canary');
  assert.equal(line.includes('Authorization'), false);
});

test('a listener open to all is reached on loopback', () => {
  assert.equal(urlOf('0.0.0.0', 1), 'http://127.0.0.1:1');
  assert.equal(urlOf('::', 1), 'http://127.0.0.1:1');
  assert.equal(urlOf('::1', 1), 'http://[::1]:1');
});

test('no rate limit at all is said as well', () => {
  const { config } = start();
  assert.match(limitsOf({ ...config, limits: [] })[0] ?? '', /^no rate limits/);
  const places = { ...config, limits: [{ per: 'model', concurrent: 3, model: 'gemma' } as const] };
  assert.match(limitsOf(places)[0] ?? '', /^3 requests at once per model of gemma /);
});

test('colour is for terminals that want it', () => {
  assert.equal(createPaint(true, {})('bold', 'x'), '\u001b[1mx\u001b[22m');
  assert.equal(createPaint(true, { NO_COLOR: '1' })('bold', 'x'), 'x');
  assert.equal(createPaint(true, { TERM: 'dumb' })('bold', 'x'), 'x');
  assert.equal(createPaint(false, {})('bold', 'x'), 'x');
});
