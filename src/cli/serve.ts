/** `millrace serve`: runs the gateway until it is told to stop. */
import { join } from 'node:path';
import type { Admin } from '../admin/admin.ts';
import { Configuration } from '../config/configuration.ts';
import type { Environment } from '../config/expand.ts';
import type { LoadedConfig } from '../config/load.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { workersMax, workersOf } from '../config/workers-option.ts';
import { type OwnSecrets, openOwnSecrets } from '../identity/own-secrets.ts';
import { systemClock } from '../lib/clock.ts';
import { version } from '../lib/version.ts';
import { letYoungGenerationGrow } from '../lib/young-generation.ts';
import type { StaticKey } from '../stores/memory/key-store.ts';
import { createLog, type Log } from '../telemetry/log.ts';
import { AppliedConfig } from '../wiring/applied-config.ts';
import { followSecrets } from '../wiring/follow-secrets.ts';
import { type Gateway, openGateway } from '../wiring/gateway.ts';
import { Reloader } from '../wiring/reload.ts';
import { FileWatch } from '../wiring/watch-files.ts';
import type { Workers } from '../wiring/workers/workers.ts';
import { readyFacts, renderBanner, type Started, urlOf } from './banner.ts';
import { usualFile } from './config-file.ts';
import { type Given, numberOption, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { tryToListen } from './listen-trial.ts';
import { createPaint } from './paint.ts';
import { removeRunningFile, writeRunningFile } from './running-file.ts';
import { explainStart, type StartFacts } from './start-trouble.ts';
import { stopped } from './stop.ts';
import { terminalIsGone } from './terminal-gone.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const asked = textOption(given, 'config');
  const configuration = new Configuration({
    environment: { ...invocation.environment, ...askedWorkers(given) },
    clock: systemClock,
    keepsSecrets: true,
    ...(asked === undefined ? { usualPath: usualFile } : { path: asked }),
  });
  try {
    return await serve(configuration, invocation);
  } finally {
    // Whoever was asked for secrets is let go, also where the start failed: the process ends then.
    await configuration.close();
  }
}

/** Said on the command line it has the last word, as what our own variables say has over files. */
function askedWorkers(given: Given): Environment {
  const asked = textOption(given, 'workers');
  if (asked === undefined) return {};
  if (asked !== 'auto') numberOption(given, 'workers', { min: 1, max: workersMax });
  return { MILLRACE__WORKERS__COUNT: asked };
}

async function serve(configuration: Configuration, invocation: Invocation): Promise<number> {
  const found = await load(configuration, invocation);
  if (found === undefined) return 2;
  const { applied, loaded } = found;
  const terminal = process.stdout.isTTY === true;
  const { level } = loaded.config.telemetry.logs;
  const sharesOutput = workersOf(loaded.config) > 1;
  const log = createLog({ level, terminal, clock: systemClock, sharesOutput });
  const served = await open({ loaded, log, configuration, applied, invocation }).catch((trouble: unknown) =>
    reportTrouble(trouble, loaded, invocation),
  );
  if (served === undefined) return 1;
  // Whoever reads that we are ready may stop us at once: by then we must know how.
  const limits = () => {
    const { config } = served.gateway.snapshot;
    return { ...config.drain, preStopMs: preStopOf(config) };
  };
  const ended = stopped({
    running: { drain: () => served.drain(limits().preStopMs), close: served.close },
    log,
    limits,
    hopeless: served.workers?.hopeless,
  });
  announce({ served, configuration, log, invocation, terminal });
  letYoungGenerationGrow();
  const exitCode = await ended;
  await removeRunningFile(loaded.config.data);
  return exitCode;
}

/** Nobody balances load over a gateway that somebody watches in a terminal. */
function preStopOf({ drain }: Pick<Config, 'drain'>): number {
  return process.stdout.isTTY === true ? 0 : drain.preStopMs;
}

async function load(configuration: Configuration, invocation: Invocation) {
  try {
    const applied = await AppliedConfig.open(configuration);
    return { applied, loaded: await applied.load() };
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    for (const problem of thrown.problems) invocation.warn(formatProblem(problem));
    return undefined;
  }
}

/** Which listener was being opened when the start failed: the mending line names its setting. */
class StartTrouble extends Error {
  readonly listener: StartFacts['listener'];

  constructor(listener: StartFacts['listener'], options: ErrorOptions) {
    super('the start failed', options);
    this.listener = listener;
  }
}

interface Served {
  readonly gateway: Gateway;
  readonly loaded: LoadedConfig;
  readonly secrets: OwnSecrets;
  readonly adminPort: number;
  /** Those that serve in place of this process, if any do. */
  readonly workers: Workers | undefined;
  drain(preStopMs: number): Promise<void>;
  readonly close: (graceMs: number) => Promise<void>;
}

async function open(parts: {
  loaded: LoadedConfig;
  log: Log;
  configuration: Configuration;
  applied: AppliedConfig;
  invocation: Invocation;
}): Promise<Served> {
  const { loaded, log, configuration, applied, invocation } = parts;
  const { config } = loaded;
  const { secrets, gateway, workers } = await openClients({ loaded, log, applied }).catch(
    (cause: unknown) => {
      throw new StartTrouble('clients', { cause });
    },
  );
  let admin: Admin | undefined;
  const reloader: Reloader = new Reloader({
    gateway,
    log,
    started: loaded,
    load: () => applied.load(),
    ...(workers === undefined ? {} : { spread: (taken) => workers.take(taken) }),
    onLoaded: (taken) => {
      watching.follow(filesOf(taken));
      applied.taken(taken);
    },
    renewCertificates: async () =>
      (await Promise.all([gateway.listener.renewCertificate(), admin?.renewCertificate() ?? []])).flat(),
  });
  const watching = watchFiles(reloader, log, invocation);
  const unfollow = followSecrets({ gateway, reloader, configuration, clock: systemClock });
  applied.follow({
    versions: gateway.lasting.store.configVersions,
    presence: gateway.lasting.shared.presence,
    reloader,
    clock: systemClock,
    log,
    alone: config.store === 'sqlite',
    onSettled: () => workers?.settle(),
  });
  const unwatch = async () => {
    watching.close();
    unfollow();
    await applied.close();
  };
  // Who has to end at once does not wait for a store that does not answer.
  const close = async (graceMs: number) => {
    await Promise.all([unwatch(), gateway.close(graceMs)]);
  };
  try {
    // Clients are served already: what only operators need is loaded now.
    const { openAdmin } = await import('../admin/admin.ts');
    const opened = await openAdmin({
      gateway,
      reloader,
      applied,
      workers,
      configFiles: () => reloader.loaded.files,
      version,
      admin: config.admin,
      token: config.admin.token?.reveal() ?? secrets.adminToken,
    });
    admin = opened;
    process.on('SIGHUP', () => {
      if (terminalIsGone()) process.kill(process.pid, 'SIGTERM');
      else void reloader.reload('SIGHUP');
    });
    await writeRunningFile(config.data, {
      pid: process.pid,
      clients: urlOf(config.listen.address.host, gateway.listener.port, config.listen.tls),
      admin: urlOf(config.admin.listen.host, opened.port, config.admin.tls),
    });
    return {
      gateway,
      loaded,
      secrets,
      workers,
      adminPort: opened.port,
      // The admin listener ends last: a probe may watch the gateway drain.
      drain: async (preStopMs) => {
        await Promise.all([unwatch(), gateway.drain(preStopMs)]);
        await opened.close();
      },
      close: async (graceMs) => {
        await close(graceMs);
        await opened.close();
      },
    };
  } catch (cause) {
    await close(0);
    throw new StartTrouble('admin', { cause });
  }
}

async function openClients(parts: {
  loaded: LoadedConfig;
  log: Log;
  applied: AppliedConfig;
}): Promise<{ secrets: OwnSecrets; gateway: Gateway; workers: Workers | undefined }> {
  const { loaded, log, applied } = parts;
  const secrets = await openOwnSecrets(loaded.config.data);
  const tenant = loaded.config.identity.homeTenant;
  const ownKeys: readonly StaticKey[] = [
    {
      key: secrets.clientKey,
      principal: { keyName: 'first', tenant, team: '', user: '', role: 'operator' },
    },
  ];
  const workers = await createWorkers({ loaded, log, ownKeys });
  const gateway = await openGateway({
    loaded,
    log,
    clock: systemClock,
    isConfigKnown: () => applied.isSettled,
    ownKeys,
    ...(workers === undefined ? {} : { among: workers.among }),
  });
  return { secrets, gateway, workers };
}

/** Nothing where this process is to serve by itself: then it loads nothing of them. */
async function createWorkers(given: {
  loaded: LoadedConfig;
  log: Log;
  ownKeys: readonly StaticKey[];
}): Promise<Workers | undefined> {
  const { loaded, log, ownKeys } = given;
  const count = workersOf(loaded.config);
  if (count === 1) return undefined;
  const { Workers } = await import('../wiring/workers/workers.ts');
  return new Workers({ count, clock: systemClock, log, inForce: loaded, ownKeys, preStopOf });
}

const fileQuietMs = 150;

function watchFiles(reloader: Reloader, log: Log, invocation: Invocation): FileWatch {
  const watching = new FileWatch({
    clock: systemClock,
    quietMs: fileQuietMs,
    onChange: () => void reloader.reload('file'),
    onTrouble: (folder, trouble) =>
      log.warn(
        { file: folder, message: trouble.message },
        `changes are not noticed here; use \`${invocation.typed('reload')}\``,
      ),
  });
  watching.follow(filesOf(reloader.loaded));
  return watching;
}

function filesOf({ files, secretFiles }: LoadedConfig): readonly string[] {
  return [...files, ...secretFiles];
}

async function reportTrouble(
  trouble: unknown,
  { config }: LoadedConfig,
  { typed, warn }: Invocation,
): Promise<undefined> {
  if (!(trouble instanceof StartTrouble)) throw trouble;
  const { listener } = trouble;
  // The admin listener is opened last: that it would fail too is told now, and not at the next try.
  const isBusy = listener === 'clients' && (await tryToListen(config.admin.listen)) === 'EADDRINUSE';
  const alsoBusy = isBusy ? config.admin.listen : undefined;
  const says = explainStart(trouble.cause, { listener, alsoBusy, typed });
  if (says === undefined) throw trouble.cause;
  warn(says);
  return undefined;
}

interface Announcement {
  readonly served: Served;
  readonly configuration: Configuration;
  readonly log: Log;
  readonly invocation: Invocation;
  readonly terminal: boolean;
}

function announce({ served, configuration, log, invocation, terminal }: Announcement): void {
  const { gateway, loaded, secrets, adminPort } = served;
  const warnings = [...loaded.warnings, ...secrets.writableByOthers.map(openToOthers)];
  const { config } = loaded;
  const started: Started = {
    version,
    tookMs: Math.round(performance.now()),
    config,
    configId: loaded.id,
    configFile: configuration.path,
    port: gateway.listener.port,
    adminPort,
    clientKey: secrets.clientKey,
    clientKeyFile: join(config.data, 'client-key'),
    adminTokenFile: join(config.data, 'admin-token'),
    findings: configuration.discovered?.findings ?? [],
    warnings,
    typed: invocation.typed,
  };
  if (terminal) {
    const paint = createPaint(true, invocation.environment);
    invocation.write(renderBanner(started, { paint, columns: process.stdout.columns }));
    return;
  }
  for (const warning of warnings) log.warn({}, warning);
  log.info(readyFacts(started), 'ready');
  log.flush();
}

function openToOthers(path: string): string {
  return `${path} may be written by others than its owner: they could replace the client key and the admin token (chmod go-w)`;
}
