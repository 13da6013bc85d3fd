import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOllamaHost } from './ollama-host.ts';

const forms: readonly (readonly [string | undefined, string | undefined])[] = [
  [undefined, 'http://127.0.0.1:11434'],
  ['', 'http://127.0.0.1:11434'],
  ['  "gpu-box"  ', 'http://gpu-box:11434'],
  ['gpu-box:8080', 'http://gpu-box:8080'],
  [':8080', 'http://127.0.0.1:8080'],
  ['0.0.0.0', 'http://127.0.0.1:11434'],
  ['0.0.0.0:11500', 'http://127.0.0.1:11500'],
  ['::1', 'http://[::1]:11434'],
  ['[::1]:9', 'http://[::1]:9'],
  ['[::]:9', 'http://[::1]:9'],
  ['http://gpu-box', 'http://gpu-box'],
  ['https://ollama.example/behind/a/proxy/', 'https://ollama.example/behind/a/proxy'],
  ['https://ollama.example:8443', 'https://ollama.example:8443'],
  ['gpu-box:99999', 'http://gpu-box:11434'],
  ['gpu-box:8080/ollama', 'http://gpu-box:8080/ollama'],
  ['not a host', undefined],
];

for (const [text, url] of forms) {
  test(`OLLAMA_HOST=${text ?? '(unset)'} is read as Ollama reads it`, () => {
    assert.equal(parseOllamaHost(text), url);
  });
}
