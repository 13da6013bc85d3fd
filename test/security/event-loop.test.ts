/** Whatever one client sends, the gateway answers the others meanwhile: nothing holds its event loop up (G13). */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { answerTo, type Head, requestBytes } from './raw.ts';

/** In a process of its own, so that making the bodies and reading the answers holds up nobody but us. */
let place: Place;
let gateway: RunningProcess;
let port: number;
let authorized: Readonly<Record<string, string>>;
let operators: { readonly port: number; readonly headers: Readonly<Record<string, string>> };
before(async () => {
  place = await openPlace();
  gateway = await serve([], { place, nodeOptions: [watchingItsLoop] });
  port = Number(new URL(gateway.ready.clients).port);
  authorized = { authorization: `Bearer ${await gateway.key()}` };
  const token = await readFile(gateway.ready.adminTokenFile, 'utf8');
  const headers = { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json' };
  operators = { port: Number(new URL(gateway.ready.admin).port), headers };
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

/** As large as one may be that is sent to be looked at. */
const configuration = (head: string, line: (at: number) => string) => {
  const lines = Array.from({ length: 4_000 }, (_, at) => line(at)).join('');
  const text = `${head}${lines}`.slice(0, 262_144);
  return JSON.stringify({ text: text.slice(0, text.lastIndexOf('\n') + 1) });
};
const validate = '/admin/api/v1/config/validate';

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
  'a configuration of 3,000 models': {
    path: validate,
    body: () =>
      configuration('upstreams: { s: { type: simulator } }\nmodels:\n', (at) => {
        const targets = '{ targets: [{ upstream: s, model: x }], clocks: { idleMs: 60000 } }';
        return `  model-${at}: ${targets}\n`;
      }),
    status: 200,
  },
  'a configuration of thousands of keys that nobody knows': {
    path: validate,
    body: () => configuration('', (at) => Array.from({ length: 6 }, (_, n) => `k${at}-${n}: 1\n`).join('')),
    status: 200,
  },
  'a name of 10 MB': { body: () => `{"${'x'.repeat(room)}":1,"model":"m"}`, status: 400 },
  'a model name of 10 MB': { body: () => `{"model":"${'x'.repeat(room - 100)}","messages":[]}`, status: 400 },
};

/**
 * Others wait for so long at most, and ask so often. Where a busy machine is slower than that, so is a control that is run in
 * the same process after each round: reading a text, some 50 ms.
 */
const heldMsMax = 250;
const heldControlsMax = 5;
/** However busy it is. */
const heldMsEver = 600;
const pollEveryMs = 20;
const roundsMax = 3;

/**
 * Read before the gateway's own code: it says at the signal for how long the loop's thread worked at most between two of its
 * turns. That is how long others wait for it, without how long a busy machine lets the thread itself wait.
 */
const watchingItsLoop = `--import=data:text/javascript,${encodeURIComponent(`
  let last = process.threadCpuUsage();
  let heldUs = 0;
  const control = JSON.stringify(Array.from({ length: 90_000 }, (_, at) => ({ [at]: [{ name: 'of ' + at }] })));
  const controlMs = () => {
    const before = process.threadCpuUsage();
    JSON.parse(control);
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  };
  setInterval(() => {
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    heldUs = Math.max(heldUs, user + system);
  }, 1).unref();
  process.on('SIGUSR2', () => {
    console.log(JSON.stringify({ heldMs: heldUs / 1000, controlMs: controlMs(), asked: ++asked }));
    last = process.threadCpuUsage();
    heldUs = 0;
  });
  let asked = 0;`)}`;

let asked = 0;

interface Round {
  readonly heldMs: number;
  readonly controlMs: number;
}

/** The longest since this was asked before, and how long the control takes now. */
async function lookAtLoop(): Promise<Round> {
  asked += 1;
  const said = gateway.line((line) => line['asked'] === asked);
  gateway.child.kill('SIGUSR2');
  return (await said) as object as Round;
}

const isShort = ({ heldMs, controlMs }: Round) =>
  heldMs < Math.min(Math.max(heldMsMax, heldControlsMax * controlMs), heldMsEver);

for (const [what, { path = '/v1/chat/completions', body, status }] of Object.entries(attacks)) {
  test(`${what} costs nobody else more than ${heldMsMax} ms of waiting (G13)`, async (t) => {
    const text = body();
    assert.ok(text.length <= bytesMax, `${text.length} bytes`);
    const isForOperators = path.startsWith('/admin/');
    const headers = isForOperators ? operators.headers : authorized;
    const bytes = requestBytes({ path, headers, body: text });
    const to = isForOperators ? operators.port : port;
    // A collection of garbage may fall into a round; a gateway that is held up is so in each.
    const rounds: Round[] = [];
    while (rounds.length < roundsMax && !rounds.some(isShort)) {
      await lookAtLoop();
      const answered = await othersDuring(async () => {
        const answer = await answerTo(to, bytes);
        assert.equal(answer.status, status, answer.text.slice(0, 300));
      });
      const round = await lookAtLoop();
      rounds.push(round);
      const [held, control] = [round.heldMs.toFixed(0), round.controlMs.toFixed(0)];
      t.diagnostic(
        `held up for ${held} ms at most, the control for ${control}; ${answered} others answered meanwhile`,
      );
    }
    assert.ok(rounds.some(isShort), `the loop was held up: ${JSON.stringify(rounds)}`);
  });
}

const probe: Head = { path: '/livez' };

/** How many short requests of others were answered while that went on: all that were sent. */
async function othersDuring(during: () => Promise<void>): Promise<number> {
  const state = { over: false };
  const attack = during();
  const over = () => {
    state.over = true;
  };
  void attack.then(over, over);
  const poll = async () => {
    assert.equal((await answerTo(port, requestBytes(probe))).status, 200);
  };
  const polls: Promise<void>[] = [];
  while (!state.over) {
    polls.push(poll());
    await setTimeout(pollEveryMs);
  }
  await Promise.all([attack, ...polls]);
  return polls.length;
}
