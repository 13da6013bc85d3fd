/**
 * What a worker process runs: a gateway without an admin listener, whose configuration, operators' questions and end come
 * from its primary. Signals are the primary's to hear: a terminal and a service manager send them to all processes alike.
 */
import cluster from 'node:cluster';
import type { AdminCall, AdminRoute } from '../admin/route.ts';
import { systemClock } from '../lib/clock.ts';
import { version } from '../lib/version.ts';
import { letYoungGenerationGrow } from '../lib/young-generation.ts';
import { createLog } from '../telemetry/log.ts';
import { openClientListener } from '../wiring/client-listener.ts';
import { type Gateway, openGateway } from '../wiring/gateway.ts';
import { Line } from '../wiring/workers/line.ts';
import type { ToPrimary, ToWorker, WorkerPorts, WorkerStart } from '../wiring/workers/questions.ts';
import { unpackConfig } from '../wiring/workers/sent-config.ts';
import { type Orders, stopped } from './stop.ts';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

let gateway: Gateway | undefined;
let isSettled = false;
let rows: readonly AdminRoute[] | undefined;
let preStopMs = 0;
/** Before it has begun there is nothing to end. */
let orders: Orders = { drain: () => process.exit(0), close: () => process.exit(0) };

const line = new Line<ToPrimary, ToWorker>({
  channel: process,
  clock: systemClock,
  answers: {
    start,
    take: (sent) => {
      opened().reload(unpackConfig(sent));
      return sent.id;
    },
    settle: () => {
      isSettled = true;
    },
    row: async ({ name, call }) => {
      rows ??= await readRows();
      const found = rows.find((row) => row.name === name);
      if (found === undefined) throw new TypeError(`there is no row ${name}`);
      // The primary has checked it by the same row.
      return await found.handle(call as AdminCall);
    },
    pulse: () => {},
    metrics: () => opened().lasting.metrics.render(),
    certificates: () => opened().listener.renewCertificate(),
    drain: (given) => {
      preStopMs = given.preStopMs;
      orders.drain();
    },
    stop: ({ graceMs }) => orders.close(graceMs),
  },
});

cluster.worker?.once('disconnect', () => {
  // The primary is no more. Node would end this process at once, with all that it serves.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  line.cut();
  orders.drain();
});

async function start(given: WorkerStart): Promise<WorkerPorts> {
  const { worker, workers, ownKeys, sharesPort } = given;
  isSettled ||= given.isSettled;
  const inForce = unpackConfig(given.inForce);
  const { telemetry } = inForce.config;
  const log = createLog({
    level: telemetry.logs.level,
    terminal: process.stdout.isTTY === true,
    clock: systemClock,
    worker,
  });
  const running = await openGateway({
    loaded: inForce,
    log,
    clock: systemClock,
    ownKeys,
    isConfigKnown: () => isSettled,
    among: {
      role: 'worker',
      workers,
      openListener: (options) =>
        openClientListener({ ...options, config: listeningAt(options.config, given), reusePort: sharesPort }),
      gatherMetrics: () => () => line.ask('metrics', undefined),
      onRun: (run) => void line.ask('run', run).catch(() => {}),
    },
  });
  gateway = running;
  const ended = stopped({
    running: { drain: () => running.drain(preStopMs), close: (graceMs) => running.close(graceMs) },
    log,
    limits: () => ({ ...running.snapshot.config.drain, preStopMs }),
    told: (given) => {
      orders = given;
    },
  });
  // What still holds it when all is closed is the channel to the primary.
  void ended.then((exitCode) => process.exit(exitCode));
  letYoungGenerationGrow();
  return { clients: running.listener.port, redirect: running.listener.redirectPort };
}

type Listening = Parameters<typeof openClientListener>[0]['config'];

/** Where the first one found a port that was left open. */
function listeningAt(config: Listening, { ports }: WorkerStart): Listening {
  if (ports === undefined) return config;
  const { address, tls } = config.listen;
  const redirect =
    tls?.redirectFrom === undefined || ports.redirect === undefined
      ? {}
      : { tls: { ...tls, redirectFrom: { ...tls.redirectFrom, port: ports.redirect } } };
  return {
    ...config,
    listen: { ...config.listen, ...redirect, address: { ...address, port: ports.clients } },
  };
}

function opened(): Gateway {
  if (gateway === undefined) throw new TypeError('this worker has not begun yet');
  return gateway;
}

/** Loaded by the first question: who is never asked needs none of it. */
async function readRows(): Promise<readonly AdminRoute[]> {
  const { liveRoutes } = await import('../admin/routes.ts');
  return liveRoutes({ gateway: opened(), version, configFiles: () => [] });
}
