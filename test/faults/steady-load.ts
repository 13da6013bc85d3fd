/**
 * A fast LLM, and callers who send a constant number of requests a second through gateways to it, one in four of them a
 * stream, or beside streams that are held open: in a process of its own, so that whoever holds the gateways measures nothing
 * else. Told what to do by its parent.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { openFastLlm } from '../upstream/fast-llm.ts';
import { type Load, type LoadPace, type SeenLoad, tokensOf, unansweredMax } from './load-facts.ts';

const streamEvery = 4;
const everyMs = 5;

const agent = new Agent({ keepAlive: true, maxSockets: unansweredMax });
/** Each stream that is held open has a connection for itself. */
const streamsAgent = new Agent({ keepAlive: true });
const atOnce: LoadPace = { events: tokensOf.stream, eventsPerSecond: 0, firstTokenMs: 0 };
const [pace] = process.argv.slice(2);
const llm = await openFastLlm({ port: 0, ...(pace === undefined ? atOnce : (JSON.parse(pace) as LoadPace)) });

let load: Load = { urls: [], keys: [], perSecond: 0, prompt: '' };
let sent = 0;
let unanswered = 0;
let sinceMs = performance.now();
let statuses: Record<string, number> = {};
let held = 0;
let streams: Record<string, number> = {};
let tookMs: number[] = [];

process.on('message', (told: Load | 'look') => {
  if (told === 'look') void look();
  else load = told;
});
process.once('disconnect', () => process.exit());
process.send?.({ port: llm.port });

void sendOn();

async function sendOn(): Promise<void> {
  for (let dueFromMs = performance.now(); ; await pause(everyMs)) {
    // What could not be sent in time is left out, and not made up for.
    dueFromMs = Math.max(dueFromMs, performance.now() - 20 * everyMs);
    for (; dueFromMs < performance.now() && load.keys.length > 0; dueFromMs += 1000 / load.perSecond) {
      if (unanswered < unansweredMax) ask(dueFromMs);
    }
    while (load.keys.length > 0 && held < (load.streams ?? 0)) holdStream();
  }
}

async function look(): Promise<void> {
  if (load.keys.length === 0) {
    while (unanswered + held > 0) await pause(everyMs);
    agent.destroy();
    streamsAgent.destroy();
  }
  const nowMs = performance.now();
  const sorted = tookMs.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const seen: SeenLoad = {
    forMs: nowMs - sinceMs,
    sent: Object.values(statuses).reduce((sum, count) => sum + count, 0),
    statuses,
    streams,
    middleMs: at(0.5),
    p99Ms: at(0.99),
    slowestMs: at(1),
    asked: { ...llm.asked },
  };
  sinceMs = nowMs;
  statuses = {};
  streams = {};
  tookMs = [];
  process.send?.(seen);
}

/** Its time counts from when it was due. */
function ask(dueMs: number): void {
  unanswered += 1;
  send(load.streams === undefined && sent % streamEvery === 0, (status) => {
    unanswered -= 1;
    statuses[status] = (statuses[status] ?? 0) + 1;
    tookMs.push(performance.now() - dueMs);
  });
}

function holdStream(): void {
  held += 1;
  send(true, (status) => {
    streams[status] = (streams[status] ?? 0) + 1;
    // Whoever is refused at once must not fill the machine with nothing but that.
    setTimeout(
      () => {
        held -= 1;
      },
      status === '200' ? 0 : 20,
    );
  });
}

function send(stream: boolean, answered: (status: string) => void): void {
  const { urls, keys, prompt } = load;
  const url = urls[sent % urls.length] ?? '';
  const key = keys[Math.floor(sent / urls.length) % keys.length] ?? '';
  sent += 1;
  const messages = [{ role: 'user', content: prompt }];
  const body = JSON.stringify({ model: 'fast', stream, max_tokens: tokensOf.whole, messages });
  const asking = request(
    `${url}/v1/chat/completions`,
    {
      method: 'POST',
      agent: stream && load.streams !== undefined ? streamsAgent : agent,
      headers: headersOf(key, body),
    },
    (reply) => void read(reply, stream).then(answered),
  );
  asking.once('error', ({ message }) => answered(message));
  asking.end(body);
}

/** As through a proxy on this machine: limits do not hold on loopback. */
function headersOf(key: string, body: string) {
  return {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-forwarded-for': '192.0.2.8',
  };
}

/** Its status, unless it was not all there. */
async function read(reply: IncomingMessage, stream: boolean): Promise<string> {
  let text = '';
  try {
    for await (const piece of reply.setEncoding('utf8')) text += piece;
  } catch (thrown) {
    return `${reply.statusCode}, cut: ${(thrown as Error).message}`;
  }
  if (reply.statusCode === 503 && text.includes('"dependency_unavailable"'))
    return '503 dependency_unavailable';
  // Told together, whichever request it was.
  if (reply.statusCode !== 200)
    return `${reply.statusCode}: ${text.replace(/,?"request_id":"[^"]*"/, '').slice(0, 200)}`;
  const isWhole = stream
    ? /data: \[DONE\]\s*$/.test(text)
    : text.includes(`"completion_tokens":${tokensOf.whole}`);
  return isWhole ? '200' : `200, not whole: ${text.slice(-100)}`;
}
