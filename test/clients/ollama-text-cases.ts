/** Ollama's own client, unmodified: chat and generate, whole and streamed, memory in the request, embeddings. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Ollama } from 'ollama';
import { collect, type Fleet, isCall, type Kind, model } from './fleet-kinds.ts';
import { asAble } from './ollama-refusal.ts';

const messages = [{ role: 'user', content: 'Say something about rivers' }];
const options = { temperature: 0, num_predict: 24, seed: 7 };
const chat = { model, messages, options };
const generate = { model, prompt: 'Say something about rivers', options };

export function ollamaTextCases(kind: Kind): void {
  describe(`the ollama package in front of ${kind.name}`, () => {
    let fleet: Fleet;
    before(async () => {
      fleet = await kind.open();
    });
    after(() => fleet[Symbol.asyncDispose]());

    test('a chat is answered with its counts and times', async () => {
      const reply = await fleet.ollama.chat(chat);
      assert.equal(reply.message.role, 'assistant');
      assert.ok(reply.message.content.length > 0);
      assert.equal(reply.done, true);
      assert.match(reply.done_reason, /^(?:stop|length)$/);
      assert.ok(reply.prompt_eval_count > 0 && reply.eval_count > 0 && reply.total_duration > 0);
      assert.ok(Number.isFinite(Date.parse(String(reply.created_at))));
    });

    test('a stream says the same, and its last line has the counts', async () => {
      const whole = await fleet.ollama.chat(chat);
      const lines = await collect(await fleet.ollama.chat({ ...chat, stream: true }));
      assert.equal(lines.map((line) => line.message.content).join(''), whole.message.content);
      assert.ok(lines.slice(0, -1).every((line) => !line.done));
      assert.equal(lines.at(-1)?.done, true);
      assert.equal(lines.at(-1)?.done_reason, whole.done_reason);
      assert.equal(lines.at(-1)?.eval_count, whole.eval_count);
      assert.equal(lines.at(-1)?.prompt_eval_count, whole.prompt_eval_count);
    });

    test('generate says the same whole and streamed', async () => {
      const whole = await fleet.ollama.generate(generate);
      assert.ok((whole.response ?? '').length > 0 && whole.done);
      const lines = await collect(await fleet.ollama.generate({ ...generate, stream: true }));
      assert.equal(lines.map((line) => line.response).join(''), whole.response);
      assert.deepEqual(lines.at(-1)?.context, whole.context);
    });

    test('the context of an answer carries the conversation into the next call', async () => {
      const first = await fleet.ollama.generate({ ...generate, system: 'Be brief' });
      assert.ok(first.context.every(Number.isInteger));
      const prompt = 'And about lakes?';
      const fresh = await fleet.ollama.generate({ ...generate, prompt });
      const { context } = first;
      const second = await fleet.ollama.generate({ ...generate, prompt, context });
      assert.ok(second.context.length > first.context.length);
      const reached = await fleet.fake?.waitForRequest(({ body }) => body.includes(prompt));
      if (reached === undefined) {
        // What was said before is read again, so there is more to read than in the question alone.
        assert.ok(second.prompt_eval_count > fresh.prompt_eval_count);
        return;
      }
      const last = fleet.fake?.requests.filter(isCall).at(-1)?.json as Carried;
      if (last.context !== undefined) return assert.deepEqual(last.context, context);
      assert.deepEqual(last.messages, [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: generate.prompt },
        { role: 'assistant', content: first.response },
        { role: 'user', content: prompt },
      ]);
    });

    test('raw text is carried on without a template', async () => {
      const reply = await fleet.ollama.generate({ ...generate, raw: true });
      assert.ok((reply.response ?? '').length > 0 && reply.done);
      assert.equal(reply.context, undefined);
      const reached = fleet.fake?.requests.filter(isCall).at(-1);
      if (reached === undefined) return;
      const { prompt, raw } = reached.json as { prompt: string; raw?: boolean };
      assert.equal(prompt, generate.prompt);
      assert.equal(reached.path === '/v1/completions' || raw === true, true);
    });

    test('a gap is filled between prompt and suffix', () =>
      asAble(kind.suffix, async () => {
        const reply = await fleet.ollama.generate({ ...generate, suffix: 'to the sea.' });
        assert.ok((reply.response ?? '').length > 0 && reply.done);
        const reached = fleet.fake?.requests.filter(isCall).at(-1);
        if (reached !== undefined) assert.equal((reached.json as { suffix: string }).suffix, 'to the sea.');
      }));

    test('embed takes one text or several, embeddings its prompt', async () => {
      const many = await fleet.ollama.embed({ model, input: ['one text', 'another text'] });
      const [one, another] = many.embeddings;
      assert.ok(one !== undefined && one.length > 0);
      assert.notDeepEqual(one, another);
      const alone = await fleet.ollama.embed({ model, input: 'one text' });
      assert.deepEqual(alone.embeddings, [one]);
      assert.deepEqual((await fleet.ollama.embeddings({ model, prompt: 'one text' })).embedding, one);
    });

    test('a model is loaded, kept and unloaded on demand', async () => {
      const loaded = await fleet.ollama.generate({ model, prompt: '', keep_alive: '10m' });
      assert.deepEqual([loaded.response, loaded.done, loaded.done_reason], ['', true, 'load']);
      const unloaded = await fleet.ollama.chat({ model, messages: [], keep_alive: 0 });
      assert.deepEqual([unloaded.message.content, unloaded.done_reason], ['', 'unload']);
      const kept = await fleet.ollama.chat({ ...chat, keep_alive: '10m' });
      assert.ok(kept.message.content.length > 0);
    });

    test('a load that is streamed has the final line that the client waits for', async () => {
      const lines = await collect(await fleet.ollama.chat({ model, messages: [], stream: true }));
      assert.deepEqual(
        lines.map((line) => [line.done, line.done_reason]),
        [[true, 'load']],
      );
    });

    test('the key may come in a header instead of the address', async () => {
      const authorization = `Bearer ${fleet.gateway.key}`;
      const client = new Ollama({ host: fleet.gateway.url, headers: { authorization } });
      const [here, there] = [await client.chat(chat), await fleet.ollama.chat(chat)];
      assert.equal(here.message.content, there.message.content);
    });
  });
}

interface Carried {
  readonly context?: readonly number[];
  readonly messages?: readonly object[];
}
