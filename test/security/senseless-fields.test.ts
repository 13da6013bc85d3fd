/** Nothing is ignored in silence: a field that has no meaning here, or no sense, is refused by its name (G12). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { type Answer, answerTo, requestBytes } from './raw.ts';

let upstream: FakeLlm;
let gateway: TestGateway;
before(async () => {
  upstream = await openFakeLlm();
  const targets = (name: string) => ({ targets: [{ upstream: name, model: 'm' }] });
  gateway = await openTestGateway({
    config: {
      upstreams: {
        o: { type: 'openai', url: upstream.url },
        l: { type: 'ollama', url: upstream.url },
      },
      models: { m: targets('o'), local: targets('l') },
      defaultModel: 'm',
    },
  });
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

type Fields = Readonly<Record<string, unknown>>;

const messages = [{ role: 'user', content: 'hello' }];
/** A request to each path that is served. */
const sound = {
  '/v1/chat/completions': { model: 'm', messages },
  '/v1/completions': { model: 'm', prompt: 'hello' },
  '/v1/embeddings': { model: 'm', input: 'hello' },
  '/api/chat': { model: 'local', messages, stream: false },
  '/api/generate': { model: 'local', prompt: 'hello', stream: false },
  '/api/embed': { model: 'local', input: 'hello' },
  '/generate': { prompt: 'hello' },
  '/api/v1/complete': { query: 'hello' },
  '/api/complete': { query: 'hello' },
  '/api/v1/stream': { query: 'hello' },
  '/chat': { message: 'hello' },
  '/api/v1/chat': { message: 'hello' },
  '/embeddings': { input: 'hello' },
} as const;
type Path = keyof typeof sound;

const ask = (path: Path, fields: Fields): Promise<Answer> =>
  answerTo(
    gateway.port,
    requestBytes({
      path,
      headers: { authorization: `Bearer ${gateway.key}` },
      body: JSON.stringify({ ...sound[path], ...fields }),
    }),
  );

const calls = () => upstream.requests.filter(({ method }) => method === 'POST').length;

const text = ['/v1/chat/completions', '/v1/completions'] as const;
const heat = [...text, '/generate', '/api/v1/complete', '/api/v1/stream', '/chat'] as const;
const engine = [
  '/api/chat',
  '/api/generate',
  '/api/embed',
  ...text,
  '/v1/embeddings',
  '/embeddings',
] as const;
const whole = ['/chat', '/api/v1/chat'] as const;

const refused: ReadonlyArray<readonly [fields: Fields, paths: readonly Path[], says: RegExp]> = [
  [{ temperature: 99 }, heat, /\btemperature must be between 0 and 5/],
  [{ temperature: -0.1 }, heat, /\btemperature must be between 0 and 5/],
  [{ temperature: '1' }, heat, /\btemperature must be a number/],
  [{ top_p: 1.1 }, text, /\btop_p must be between 0 and 1/],
  [{ top_p: -1 }, text, /\btop_p must be between 0 and 1/],
  [{ presence_penalty: 2.1 }, text, /\bpresence_penalty must be between -2 and 2/],
  [{ frequency_penalty: -3 }, text, /\bfrequency_penalty must be between -2 and 2/],
  [{ n: 0 }, text, /\bn must be between 1 and 8/],
  [{ n: 1.5 }, text, /\bn must be a whole number/],
  [{ options: { num_ctx: 'big' } }, engine, /\boptions\.num_ctx must be a number/],
  [{ options: { num_ctx: 4096.5 } }, engine, /\boptions\.num_ctx must be a whole number/],
  [{ options: { num_gpu: true } }, engine, /\boptions\.num_gpu must be a number/],
  [{ options: { typical_p: [] } }, engine, /\boptions\.typical_p must be a number/],
  [{ options: { use_mmap: 1 } }, engine, /\boptions\.use_mmap must be true or false/],
  [{ options: { stop: 7 } }, engine, /\boptions\.stop must be a list/],
  [{ stream: true }, whole, /stream cannot be true here: POST \/v1\/chat\/completions streams/],
  [
    { stream: true },
    ['/api/v1/complete', '/api/complete'],
    /stream cannot be true here: POST \/api\/v1\/stream streams/,
  ],
  [
    { stream: false },
    ['/api/v1/stream'],
    /stream cannot be false here: POST \/api\/v1\/complete does not stream/,
  ],
  [{ stream: 'yes' }, [...whole, '/api/v1/complete', '/api/v1/stream'], /\bstream must be true or false/],
  [{ text: 'hello' }, ['/embeddings'], /\btext cannot go with input/],
  [{ prompt: 'hello' }, ['/embeddings'], /\bprompt cannot go with input/],
  [{ input: null, text: 'a', prompt: 'b' }, ['/embeddings'], /\bprompt cannot go with text/],
  [{ messages }, whole, /\bmessage cannot go with messages/],
  [{ message: '' }, whole, /\bmessage must not be empty/],
  [{ prompt: '' }, ['/generate'], /\bprompt must not be empty/],
  [{ query: '' }, ['/api/v1/complete', '/api/complete', '/api/v1/stream'], /\bquery must not be empty/],
];

for (const [fields, paths, says] of refused) {
  test(`${JSON.stringify(fields)} is refused with 400 by name on ${paths.join(', ')}`, async () => {
    const before = calls();
    for (const path of paths) {
      const { status, text: said } = await ask(path, fields);
      assert.equal(status, 400, `${path}: ${said}`);
      assert.match(said, says, path);
    }
    assert.equal(calls(), before, 'no upstream saw any of it');
  });
}

/** What is beyond OpenAI's own range or words, and has a meaning for a server that people run. */
const taken: ReadonlyArray<readonly [fields: Fields, paths: readonly Path[]]> = [
  [{}, Object.keys(sound) as readonly Path[]],
  [{ temperature: 0 }, heat],
  [{ temperature: 2, top_p: 1, presence_penalty: -2, frequency_penalty: 2, n: 1 }, text],
  [{ temperature: 4.5, min_p: 0.1 }, text],
  [{ top_k: -1, repeat_penalty: 1.3, seed: -1 }, text],
  [{ temperature: null, top_p: null, n: null }, text],
  [{ options: { num_ctx: 4096, num_gpu: 0, use_mmap: false, num_thread: null } }, engine],
  [{ options: { temperature: 7, num_predict: -1, mirostat: 'gone' } }, ['/api/chat', '/api/generate']],
  [{ stream: false }, [...whole, '/api/v1/complete', '/generate']],
  [{ stream: true }, ['/api/v1/stream', '/generate', '/v1/chat/completions']],
  [{ input: null, text: 'hello' }, ['/embeddings']],
  [{ message: null, messages }, whole],
];

for (const [fields, paths] of taken) {
  test(`${JSON.stringify(fields)} is taken on ${paths.join(', ')}`, async () => {
    for (const path of paths) {
      const { status, text: said } = await ask(path, fields);
      assert.equal(status, 200, `${path}: ${said}`);
    }
  });
}
