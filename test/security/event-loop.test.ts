/** Whatever one client sends, the gateway answers the others meanwhile: nothing holds its event loop up (G13). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { answerTo, type Head, requestBytes } from './raw.ts';

/** In a process of its own, so that making the bodies and reading the answers holds up nobody but us. */
let place: Place;
let gateway: RunningProcess;
let port: number;
let authorized: Readonly<Record<string, string>>;
before(async () => {
  place = await openPlace();
  gateway = await serve([], { place });
  port = Number(new URL(gateway.ready.clients).port);
  authorized = { authorization: `Bearer ${await gateway.key()}` };
});
after(async () => {
  await gateway.stop('SIGKILL');
  await place[Symbol.asyncDispose]();
});

/** Just below the limits, where there is most to do. */
const bytesMax = 10 * 1024 * 1024;
const room = bytesMax - 1_000;
const times = (count: number, text: string) => Array.from({ length: count }, () => text).join(',');
const names = (count: number) => Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',');
const chat = (more: string) =>
  `{"model":"simulator","messages":[{"role":"user","content":"hello"}],"max_tokens":1,${more}}`;
const said = (content: string) =>
  `{"model":"simulator","max_tokens":1,"messages":[{"role":"user","content":"${content}"}]}`;
const turns = (content: string) =>
  `{"model":"simulator","max_tokens":1,"messages":[${times(2_000, `{"role":"user","content":"${content}"}`)}]}`;

interface Attack {
  readonly path?: string;
  readonly body: () => string;
  readonly status: number;
}

const attacks: Readonly<Record<string, Attack>> = {
  'a prompt of 10 MB': { body: () => said('word '.repeat(room / 5)), status: 400 },
  'a prompt of 10 MB for an Ollama client': {
    path: '/api/chat',
    body: () => said('word '.repeat(room / 5)),
    status: 400,
  },
  '2,000 messages of 5 KB': { body: () => turns('word '.repeat(1_000)), status: 400 },
  '10 MB of escaped characters': { body: () => said('\\u00e9'.repeat(room / 6)), status: 400 },
  '10 MB of pairs that might be halves': {
    body: () => said('\\ud83d\\ude00'.repeat(room / 12)),
    status: 400,
  },
  '100,000 objects': { body: () => chat(`"metadata":[${times(99_900, '{}')}]`), status: 200 },
  '200,000 values in 10 MB, looked through for the prototype': {
    body: () => chat(`"metadata":["__proto__",${times(199_900, `"${'x'.repeat(48)}"`)}]`),
    status: 200,
  },
  '50,000 different names': { body: () => chat(`"metadata":{${names(49_900)}}`), status: 200 },
  '200,000 different names': { body: () => chat(`"metadata":{${names(199_900)}}`), status: 400 },
  '200,000 different names at the top': { body: () => chat(names(199_900)), status: 400 },
  'five million empty lists': { body: () => chat(`"metadata":[${times(room / 3, '[]')}]`), status: 400 },
  'five million levels': { body: () => chat(`"metadata":${'['.repeat(room)}`), status: 400 },
  'a name of 10 MB': { body: () => `{"${'x'.repeat(room)}":1,"model":"m"}`, status: 400 },
  'a model name of 10 MB': { body: () => `{"model":"${'x'.repeat(room - 100)}","messages":[]}`, status: 400 },
};

/** How often and how long others wait at most. */
const pollEveryMs = 20;
const waitMsMax = 250;
const roundsMax = 6;

for (const [what, { path = '/v1/chat/completions', body, status }] of Object.entries(attacks)) {
  test(`${what} costs nobody else more than ${waitMsMax} ms of waiting (G13)`, async (t) => {
    const text = body();
    assert.ok(text.length <= bytesMax, `${text.length} bytes`);
    const bytes = requestBytes({ path, headers: authorized, body: text });
    // A busy machine makes some rounds slow; a gateway that is held up is so in each.
    const rounds: number[] = [];
    while (rounds.length < roundsMax && !rounds.some((worst) => worst < waitMsMax)) {
      rounds.push(
        await worstWait(async () => {
          const answer = await answerTo(port, bytes);
          assert.equal(answer.status, status, answer.text.slice(0, 300));
        }),
      );
    }
    const waits = rounds.map((worst) => `${worst.toFixed(0)} ms`).join(', ');
    t.diagnostic(`the longest waits: ${waits}`);
    assert.ok(Math.min(...rounds) < waitMsMax, `the longest waits were ${waits}`);
  });
}

const probe: Head = { path: '/livez' };

/** The longest that one of many short requests took while that went on. */
async function worstWait(during: () => Promise<void>): Promise<number> {
  const state = { over: false };
  const attack = during();
  const over = () => {
    state.over = true;
  };
  void attack.then(over, over);
  let worst = 0;
  const poll = async () => {
    const startedMs = performance.now();
    assert.equal((await answerTo(port, requestBytes(probe))).status, 200);
    worst = Math.max(worst, performance.now() - startedMs);
  };
  const polls: Promise<void>[] = [];
  while (!state.over) {
    polls.push(poll());
    await setTimeout(pollEveryMs);
  }
  await Promise.all([attack, ...polls]);
  return worst;
}
