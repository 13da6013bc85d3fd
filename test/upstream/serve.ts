// Starts a fake LLM server by hand or for a benchmark; ends on SIGTERM and SIGINT.
import { parseArgs } from 'node:util';
import { openFakeLlm } from './fake-llm.ts';
import { openFastLlm } from './fast-llm.ts';

const usage = `node test/upstream/serve.ts [--port N] [--first-token-ms N] …

  --port N               where to listen on 127.0.0.1; 0, the default, picks a free port
  --first-token-ms N     time before the first byte of an answer (0)
  --tokens-per-second N  pace of a stream (no limit)
  --slots N              requests that run at once; others wait (no limit)

  --fast                 prepared bytes and no parsing, so that a benchmark measures something else:
                         whole chat answers of 0.6 KB, and streams of
  --events N             this many content events (64)
  --events-per-second N  at this pace (0: one every turn of the event loop)`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    'first-token-ms': { type: 'string', default: '0' },
    'tokens-per-second': { type: 'string', default: 'Infinity' },
    slots: { type: 'string', default: 'Infinity' },
    fast: { type: 'boolean', default: false },
    events: { type: 'string', default: '64' },
    'events-per-second': { type: 'string', default: '0' },
  },
});

if (values.help) console.log(usage);
else await serve();

async function serve(): Promise<void> {
  const server = await open();
  console.log(`listening on http://127.0.0.1:${server.port}`);
  const stop = () => void server.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function open(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const port = Number(values.port);
  const firstTokenMs = Number(values['first-token-ms']);
  if (values.fast) {
    const events = Number(values.events);
    return openFastLlm({ port, events, eventsPerSecond: Number(values['events-per-second']), firstTokenMs });
  }
  const behaviour = {
    firstTokenMs,
    slots: Number(values.slots),
    tokensPerSecond: Number(values['tokens-per-second']),
  };
  return openFakeLlm(behaviour, port);
}
