/** A whole gateway on a free port, with a data folder, keys and a log of its own. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import type { Role, Scopes } from '../src/core/exchange.ts';
import { type Clock, systemClock } from '../src/lib/clock.ts';
import { logLine } from '../src/telemetry/exchange-line.ts';
import type { Log } from '../src/telemetry/log.ts';
import { type Gateway, openGateway } from '../src/wiring/gateway.ts';
import { holdsCanary, runMasterKey } from './run-canary.ts';

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  /** A key with the operator's role. */
  readonly key: string;
  readonly gateway: Gateway;
  /** Everything that was logged, a line each. */
  readonly lines: readonly string[];
  /** The line of each finished exchange, as the log and the spool get it. */
  readonly exchangeLines: readonly string[];
  readonly data: string;
  /** Its configuration on disk. */
  readonly file: string;
  /** Writes another configuration into the file and reloads; throws, and changes nothing, when it is a bad one. */
  reload(config: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  /** As it would stand in the file; `listen` and `data` are added. Without upstreams there is the simulator. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly role?: Role;
  /** What its key is narrowed to. */
  readonly scopes?: Scopes;
  readonly clock?: Clock;
  readonly log?: Log;
  /** The data folder of a gateway that was there before; else an empty one of its own. */
  readonly data?: string;
}

/** What a gateway has whose configuration names no upstreams. */
export const simulator = {
  upstreams: { sim: { type: 'simulator', tokensPerSecond: 100_000, firstTokenMs: 1, slots: 64 } },
  models: { simulator: { targets: [{ upstream: 'sim', model: 'simulator' }] } },
  defaultModel: 'simulator',
};

export async function openTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  const file = join(folder, 'millrace.yaml');
  const data = options.data ?? join(folder, 'data');
  const treeOf = (config: Readonly<Record<string, unknown>>) => ({ ...treeWithoutData(config), data });
  await writeFile(file, JSON.stringify(treeOf(options.config ?? {})));
  const key = 'sk-mr-0123456789abcdef0123456789abcdef01234567';
  const lines: string[] = [];
  const exchangeLines: string[] = [];
  const loaded = loadConfig({ path: file, env: {} });
  const gateway = await openGateway({
    loaded,
    log: recording(options.log ?? quietLog(lines, loaded.config.telemetry.logs.level), exchangeLines),
    clock: options.clock ?? systemClock,
    ownKeys: [
      {
        key,
        principal: {
          keyName: 'test',
          tenant: 'default',
          team: '',
          user: '',
          role: options.role ?? 'operator',
          ...(options.scopes && { scopes: options.scopes }),
        },
      },
    ],
  });
  // Whoever has a budget waits three seconds for what was spent before; a busy machine may open a new database for longer.
  const { budgets, store } = loaded.config;
  if (budgets.length > 0 && store === 'sqlite' && options.data === undefined)
    await gateway.lasting.store.check();
  const { port } = gateway.listener;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    key,
    gateway,
    lines,
    exchangeLines,
    data,
    file,
    reload: async (config) => {
      await writeFile(file, JSON.stringify(treeOf(config)));
      gateway.reload(loadConfig({ path: file, env: {} }));
    },
    // A story may end it before the test does.
    close: once(async () => {
      await gateway.close(0);
      assert.ok(!holdsCanary(lines.join('\n')), 'a line of the log holds a secret of the run (G8)');
      assert.deepEqual(await filesHolding(data, holdsCanary), [], 'these hold a secret of the run (G8)');
      await rm(folder, { recursive: true, force: true });
    }),
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

const lookedAtBytesMax = 8 * 1024 * 1024;

/** Other gateways may share the folder, and take files away meanwhile. */
export async function filesHolding(
  folder: string,
  isHeld: (text: string) => boolean,
): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const facts = await stat(path).catch(() => undefined);
    if (facts === undefined || !facts.isFile() || facts.size > lookedAtBytesMax) continue;
    if (isHeld(await readFile(path, 'latin1').catch(() => ''))) found.push(path);
  }
  return found;
}

function treeWithoutData({ listen, ...given }: Readonly<Record<string, unknown>>): object {
  return {
    ...(given['upstreams'] === undefined ? simulator : {}),
    // Two that share a database must open what the other sealed.
    secrets: { masterKey: runMasterKey },
    ...given,
    listen: { address: '127.0.0.1:0', ...(listen as object | undefined) },
  };
}

function quietLog(lines: string[], level: Log['level']): Log {
  const keep = (facts: object, message: string) => void lines.push(`${JSON.stringify(facts)} ${message}`);
  const log: Log = {
    debug: (facts, message) => {
      if (log.level === 'debug') keep(facts, message);
    },
    info: keep,
    warn: keep,
    error: keep,
    exchange: (trail, end) => void lines.push(logLine(trail, end, trail.wallMs)),
    level,
    flush: () => {},
  };
  return log;
}

function recording(log: Log, exchangeLines: string[]): Log {
  const { exchange } = log;
  return Object.assign(log, {
    exchange: (...given: Parameters<Log['exchange']>) => {
      const [trail, end] = given;
      exchangeLines.push(logLine(trail, end, trail.wallMs));
      exchange(...given);
    },
  });
}
