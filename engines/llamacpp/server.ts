/** The child process: serves one GGUF file in OpenAI's dialect on a socket that the gateway names. */
import { createServer, type Server } from 'node:http';
import { parseArgs } from 'node:util';
import { type EngineOptions, openEngine } from './engine.ts';
import { createRouter } from './router.ts';

const usage =
  'usage: node server.ts --model FILE.gguf (--socket PATH | --port PORT) [--slots 8] [--context TOKENS] [--threads N]';
/** Longer than any pool of the gateway keeps an idle connection, so that only the gateway ends them. */
const keepAliveMs = 600_000;

interface Options extends EngineOptions {
  readonly listenOn: { readonly path: string } | { readonly host: string; readonly port: number };
}

async function main(): Promise<void> {
  leaveWithParent();
  const startedAtMs = performance.now();
  const options = parseOptions();
  const engine = await openEngine(options);
  const server = createServer({ keepAliveTimeout: keepAliveMs }, createRouter(engine));
  await listen(server, options.listenOn);
  // Closing removes the socket's file, which an exit alone would leave behind.
  process.once('exit', () => server.close());
  const address = server.address();
  announce({
    ready: true,
    model: engine.name,
    contextSize: engine.context.contextSize,
    slots: engine.slots.total,
    threads: engine.threads,
    loadMs: Math.round(performance.now() - startedAtMs),
    ...(typeof address === 'object' && address !== null ? { port: address.port } : {}),
  });
}

/**
 * The parent holds the other end of our standard input, which closes however the parent ends. An interrupt
 * from a terminal reaches parent and child alike, and the parent may still be finishing what we serve.
 */
function leaveWithParent(): void {
  const leave = (): never => process.exit(0);
  process.stdin.once('end', leave).once('error', leave).resume();
  process.once('disconnect', leave).once('SIGTERM', leave);
  process.on('SIGINT', () => {
    if (process.stdin.isTTY) leave();
  });
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      socket: { type: 'string' },
      port: { type: 'string' },
      slots: { type: 'string' },
      context: { type: 'string' },
      threads: { type: 'string' },
    },
  });
  const { model, socket } = values;
  const port = parseCount('port', values.port, { min: 0, max: 65_535 });
  if (model === undefined || (socket === undefined) === (port === undefined)) throw new Error(usage);
  return {
    modelPath: model,
    listenOn: socket === undefined ? { host: '127.0.0.1', port: port ?? 0 } : { path: socket },
    slots: parseCount('slots', values.slots, { min: 1, max: 256 }) ?? 8,
    contextSize: parseCount('context', values.context, { min: 16, max: 2 ** 24 }),
    threads: parseCount('threads', values.threads, { min: 1, max: 1024 }),
  };
}

function parseCount(
  name: string,
  text: string | undefined,
  range: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= range.min && count <= range.max) return count;
  throw new Error(`--${name} must be an integer from ${range.min} to ${range.max}\n${usage}`);
}

function listen(server: Server, listenOn: Options['listenOn']): Promise<void> {
  // Whoever can open the socket can use the model; that is our owner alone.
  process.umask(0o077);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOn, resolve);
  });
}

/** Exactly one line reaches standard output: the parent waits for it. */
function announce(line: object, then?: () => void): void {
  process.stdout.write(`${JSON.stringify(line)}\n`, then);
}

main().catch((error: unknown) => {
  if (error instanceof Error && error.cause !== undefined) process.stderr.write(`${String(error.cause)}\n`);
  const message = error instanceof Error ? error.message : String(error);
  announce({ error: message }, () => process.exit(1));
});
