/** `millrace run MODEL` on a terminal: a conversation as a person has it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { millrace, openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';
import { keys, openTerminal, type Terminal } from './terminal.ts';

let place: Place;
let fake: FakeLlm;
let gateway: RunningProcess;

before(async () => {
  place = await openPlace();
  fake = await openFakeLlm();
  await place.write(
    'millrace.yaml',
    `upstreams:
  simulator: { type: simulator, firstTokenMs: 0, tokensPerSecond: 0 }
  behind: { type: openai, url: "${fake.url}" }
models:
  fast: { targets: [{ upstream: simulator, model: simulator }] }
  recorded: { targets: [{ upstream: behind, model: fake-model }] }
`,
  );
  gateway = await serve([], { place });
});

after(async () => {
  await gateway.stop();
  await fake.close();
  await place[Symbol.asyncDispose]();
});

/** A chat whose prompt waits for a line. */
async function chat(...args: readonly string[]): Promise<Terminal> {
  const terminal = openTerminal(['run', ...args], { place });
  await terminal.shows(/Talking to .*Ctrl-D leaves[\s\S]*> /);
  return terminal;
}

const endless = { endless: true, tokensPerSecond: 50, chunks: ['word '] };
const isChat = ({ path }: { readonly path: string }) => path.endsWith('/chat/completions');
/** The next chat that reached the server behind, and the conversation in it. */
async function nextChat() {
  const request = await fake.waitForRequest(isChat);
  return { request, messages: (request.json as { messages: unknown }).messages };
}

test('a line is answered by the simulator, the prompt comes back, and Ctrl-D leaves with 0', async () => {
  await using terminal = await chat('fast');
  terminal.type(`What turns?${keys.enter}`);
  await terminal.shows(/You said: “What turns\?”[\s\S]*\n> /);
  terminal.type(keys.ctrlD);
  assert.equal(await terminal.ended, 0);
  assert.doesNotMatch(terminal.raw(), /Error|mistake/);
});

test('/bye leaves with 0 as well', async () => {
  await using terminal = await chat('fast');
  terminal.type(`/bye${keys.enter}`);
  assert.equal(await terminal.ended, 0);
});

test('the second turn carries the first, and /clear forgets all but the system message', async () => {
  await using terminal = await chat('recorded', '--system', 'Be brief.');
  const system = { role: 'system', content: 'Be brief.' };
  const first = { role: 'user', content: 'One' };
  const second = { role: 'user', content: 'Two' };
  terminal.type(`One${keys.enter}`);
  await terminal.shows(/echo: One\s+> /);
  assert.deepEqual((await nextChat()).messages, [system, first]);
  terminal.type(`Two${keys.enter}`);
  await terminal.shows(/echo: Two\s+> /);
  const answer = { role: 'assistant', content: 'echo: One' };
  assert.deepEqual((await nextChat()).messages, [system, first, answer, second]);
  terminal.type(`/clear${keys.enter}`);
  await terminal.shows(/forgotten\s+> /);
  terminal.type(`Two${keys.enter}`);
  await terminal.shows(/echo: Two\s+> /);
  assert.deepEqual((await nextChat()).messages, [system, second]);
});

test('an answer is shown as it comes; Ctrl-C ends it and nothing else, up to the server behind (G5)', async () => {
  await using terminal = await chat('recorded');
  fake.scriptNext({ only: /chat/, ...endless });
  terminal.type(`Go on${keys.enter}`);
  const { request } = await nextChat();
  // It never ends, so what is shown came while it ran.
  await terminal.shows(/word word word/);
  terminal.type(keys.ctrlC);
  await terminal.shows(/\n> /);
  await fake.waitForClose(request);
  assert.equal(request.aborted, true);
  terminal.type(`And now${keys.enter}`);
  await terminal.shows(/echo: And now\s+> /);
  const messages = (await nextChat()).messages as { role: string; content: string }[];
  assert.deepEqual(
    messages.map(({ role }) => role),
    ['user', 'assistant', 'user'],
  );
  assert.match(messages[1]?.content ?? '', /^(?:word )+$/);
  terminal.type(keys.ctrlC);
  await terminal.shows(/\/bye or Ctrl-D leaves\s+> /);
  terminal.type(keys.ctrlD);
  assert.equal(await terminal.ended, 0);
});

test('an answer that is stopped before its first word leaves nothing in the conversation', async () => {
  await using terminal = await chat('recorded');
  fake.scriptNext({ only: /chat/, stallBeforeHead: true });
  terminal.type(`Silence${keys.enter}`);
  const { request } = await nextChat();
  terminal.type(keys.ctrlC);
  await terminal.shows(/\n> /);
  await fake.waitForClose(request);
  terminal.type(`Hello${keys.enter}`);
  await terminal.shows(/echo: Hello\s+> /);
  assert.deepEqual((await nextChat()).messages, [{ role: 'user', content: 'Hello' }]);
});

test('Ctrl-D in the middle of an answer leaves with 0, quietly, and the server behind is told', async () => {
  await using terminal = await chat('recorded');
  fake.scriptNext({ only: /chat/, ...endless });
  terminal.type(`Go on${keys.enter}`);
  const { request } = await nextChat();
  await terminal.shows(/word /);
  terminal.type(keys.ctrlD);
  assert.equal(await terminal.ended, 0);
  await fake.waitForClose(request);
  assert.doesNotMatch(terminal.raw(), /ERR_|Error/);
});

test('a line that is typed while an answer runs is not sent, and that is told', async () => {
  await using terminal = await chat('recorded');
  fake.scriptNext({ only: /chat/, ...endless });
  terminal.type(`Go on${keys.enter}`);
  await nextChat();
  await terminal.shows(/word /);
  terminal.type(`Impatient${keys.enter}`);
  await terminal.shows(/not sent: wait for the answer to end, or stop it with Ctrl-C/);
  terminal.type(keys.ctrlC);
  await terminal.shows(/\n> /);
  terminal.type(`After${keys.enter}`);
  await terminal.shows(/echo: After/);
  assert.doesNotMatch(JSON.stringify((await nextChat()).messages), /Impatient/);
});

test('a model that is not there is told with the nearest one, and the chat goes on', async () => {
  await using terminal = await chat('fats');
  terminal.type(`Hello${keys.enter}`);
  const shown = await terminal.shows(/fast[\s\S]*\n> /);
  assert.doesNotMatch(shown, /\s{4}at |Error:/);
  terminal.type(keys.ctrlD);
  assert.equal(await terminal.ended, 0);
});

test('an answer that the server behind breaks off is told, and the chat goes on', async () => {
  await using terminal = await chat('recorded');
  fake.scriptNext({ only: /chat/, ...endless, cutAfterBytes: 2_000 });
  terminal.type(`Hello${keys.enter}`);
  await terminal.shows(/word [\s\S]*closed the connection in the middle of its answer\s+> /);
  terminal.type(`Again${keys.enter}`);
  await terminal.shows(/echo: Again\s+> /);
  await nextChat();
  assert.deepEqual((await nextChat()).messages, [{ role: 'user', content: 'Again' }]);
});

test('a gateway that is gone in the middle of an answer is told in words, and so is that there is none', async () => {
  await using own = await openPlace();
  await own.write(
    'millrace.yaml',
    `upstreams: { behind: { type: openai, url: "${fake.url}" } }
models: { recorded: { targets: [{ upstream: behind, model: fake-model }] } }
`,
  );
  await using going = await serve([], { place: own });
  await using terminal = openTerminal(['run', 'recorded'], { place: own });
  await terminal.shows(/> /);
  fake.scriptNext({ only: /chat/, ...endless });
  terminal.type(`Hello${keys.enter}`);
  await nextChat();
  await terminal.shows(/word /);
  await going.stop('SIGKILL');
  await terminal.shows(/the answer broke off\s+> /);
  terminal.type(`Again${keys.enter}`);
  await terminal.shows(/no gateway answers at [\s\S]*millrace\.js serve[\s\S]*\n> /);
});

test('what an answer holds beside text does not reach the screen, and a pipe gets it as it is', async () => {
  const chunks = ['safe', '\u001b]52;c;aGk=\u0007', '\u001b[2J', '\r', ' text'];
  await using terminal = await chat('recorded');
  fake.scriptNext({ only: /chat/, chunks });
  terminal.type(`Hello${keys.enter}`);
  await terminal.shows(/text\s+> /);
  assert.ok(terminal.raw().includes('safe]52;c;aGk=[2J text'), terminal.raw());
  fake.scriptNext({ only: /chat/, chunks });
  const piped = await millrace(['run', 'recorded', 'Hello'], { place });
  assert.equal(piped.out, `${chunks.join('')}\n`);
  await nextChat();
  await nextChat();
});
