/** `millrace run MODEL`: a chat in the terminal, one question, or a text from a pipe. */
import { createInterface, type Interface } from 'node:readline';
import { type ChatMessage, type ChatRequest, type ClientPlace, findClients, streamChat } from './client.ts';
import { type Given, numberOption, textOption, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { createPaint, type Paint } from './paint.ts';
import { Trouble } from './trouble.ts';

interface Chat {
  readonly invocation: Invocation;
  readonly place: ClientPlace;
  readonly model: string;
  readonly maxTokens: number | undefined;
  readonly messages: ChatMessage[];
  readonly paint: Paint;
  /** What of a text is shown. */
  readonly screen: (text: string) => string;
}

/** Of a pipe; more than this is no question. */
const pipeBytesMax = 8 * 1024 * 1024;
/** What would move the cursor, colour the screen or reach the clipboard: an answer may hold it, and no screen gets it. */
const control = /[^\P{Cc}\n\t]/gu;
/** The oldest turns go first: a terminal left open for days must not grow for ever. */
const messagesMax = 200;

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const [model, ...words] = given.words;
  if (model === undefined) throw new UsageError(`name a model: \`${invocation.typed('models')}\` lists them`);
  const system = textOption(given, 'system');
  const terminal = process.stdout.isTTY === true;
  const chat: Chat = {
    invocation,
    place: await findClients(invocation, given),
    model,
    maxTokens: numberOption(given, 'maxTokens', { min: 1, max: 1_000_000 }),
    messages: system === undefined ? [] : [{ role: 'system', content: system }],
    paint: createPaint(terminal, invocation.environment),
    screen: (text) => (terminal ? text.replaceAll(control, '') : text),
  };
  const piped = process.stdin.isTTY === true ? '' : await readPipe();
  const question = [words.join(' '), piped].filter((text) => text.trim() !== '').join('\n\n');
  if (question !== '') return await askOnce(chat, question);
  if (process.stdin.isTTY !== true) {
    throw new UsageError(`ask something: \`${invocation.typed('run MODEL "question"')}\``);
  }
  return await converse(chat);
}

async function askOnce(chat: Chat, question: string): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    await answer(chat, question, stop.signal);
    return stop.signal.aborted ? 130 : 0;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

function converse(chat: Chat): Promise<number> {
  const { invocation, model, paint } = chat;
  invocation.write(
    paint('dim', `Talking to ${model}. Ctrl-C stops an answer; /bye or Ctrl-D leaves; /clear forgets.`),
  );
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: '> ',
    historySize: 500,
  });
  let speaking: AbortController | undefined;
  let closed = false;
  return new Promise((resolve) => {
    lines.on('SIGINT', () => {
      if (speaking !== undefined) speaking.abort();
      else {
        invocation.write('');
        invocation.write(paint('dim', '/bye or Ctrl-D leaves'));
        lines.prompt();
      }
    });
    lines.on('close', () => {
      closed = true;
      speaking?.abort();
      resolve(0);
    });
    lines.on('line', (line) => {
      if (speaking !== undefined) {
        invocation.warn(paint('dim', 'not sent: wait for the answer to end, or stop it with Ctrl-C'));
        return;
      }
      if (obey(chat, lines, line)) return;
      speaking = new AbortController();
      void turn(chat, line, speaking.signal).finally(() => {
        speaking = undefined;
        if (!closed) lines.prompt();
      });
    });
    lines.prompt();
  });
}

/** Whether the line was for us and not for the model. */
function obey(chat: Chat, lines: Interface, line: string): boolean {
  const text = line.trim();
  if (text === '/bye' || text === '/exit') {
    lines.close();
    return true;
  }
  if (text === '/clear') {
    chat.messages.splice(0, chat.messages.length, ...chat.messages.filter(({ role }) => role === 'system'));
    chat.invocation.write(chat.paint('dim', 'forgotten'));
  }
  if (text !== '' && text !== '/clear') return false;
  lines.prompt();
  return true;
}

/** A refusal ends the turn, not the conversation. */
async function turn(chat: Chat, question: string, signal: AbortSignal): Promise<void> {
  try {
    await answer(chat, question, signal);
  } catch (thrown) {
    const message = thrown instanceof Trouble ? thrown.message : String(thrown);
    chat.invocation.warn(chat.paint('red', message));
  }
}

/** Says the answer and keeps it; of a stopped one what was said, since the model goes on from there. */
async function answer(chat: Chat, question: string, signal: AbortSignal): Promise<void> {
  const { messages, model, maxTokens } = chat;
  const asked: ChatMessage = { role: 'user', content: question };
  const request = {
    model,
    messages: [...messages, asked],
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
  const said = await say(chat, request, signal);
  // An empty answer is none: some engines refuse a conversation that has one.
  if (said !== '') messages.push(asked, { role: 'assistant', content: said });
  const first = messages.findIndex(({ role }) => role !== 'system');
  // A question goes with its answer: some models refuse a conversation that begins with an answer.
  while (messages.length > messagesMax) messages.splice(first, 2);
}

/** Writes the answer as it comes; returns what was said, also when it was stopped. */
async function say(
  { place, paint, screen }: Chat,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<string> {
  let said = '';
  let begun = false;
  try {
    for await (const { text, reasoning } of streamChat(place, request, signal)) {
      said = said === '' ? text.trimStart() : said + text;
      begun ||= text !== '' || reasoning !== '';
      if (reasoning !== '') process.stdout.write(paint('dim', screen(reasoning)));
      process.stdout.write(screen(text));
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    if (begun || signal.aborted) process.stdout.write('\n');
  }
  return said;
}

async function readPipe(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    bytes += (chunk as Buffer).length;
    if (bytes > pipeBytesMax) throw new Trouble('more than 8 MiB came through the pipe');
    chunks.push(chunk as Buffer);
  }
  // The last line's own end is the shell's and not the question's.
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}
