/** A real PostgreSQL for tests, on a free loopback port, with a cluster of its own that ends with it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { runSecret } from '../run-canary.ts';
import { launchContainer } from './container.ts';
import type { Found } from './find-program.ts';
import { onFreePort } from './free-port.ts';
import { copyCluster, follow, logSegments, openPostgresTemplate } from './postgres-template.ts';
import { processControl } from './process-tree.ts';
import { provideServer } from './provide-server.ts';
import {
  bareEnvironment,
  endProcess,
  type Launch,
  makeServerFolder,
  openServerProcess,
  type ServerProcess,
} from './server-process.ts';
import { userInsteadOfRoot } from './server-user.ts';
import type { Engine } from './ways.ts';

export interface PostgresServer extends ServerProcess {
  /** Of the database `postgres`, as superuser. */
  readonly url: string;
  readonly port: number;
  /** Gives the address of a fresh empty database, so that suites can use one server. */
  createDatabase(): Promise<string>;
}

export interface PostgresServerOptions {
  /** Settings as in postgresql.conf, such as `{ fsync: 'on' }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** A running server whose changes it follows, read-only until it is promoted. Not in a container. */
  readonly standbyOf?: Pick<PostgresServer, 'port'>;
}

const settings: Readonly<Record<string, string>> = {
  // Killed processes lose nothing by it, only lost machines do. A commit is still a commit.
  fsync: 'off',
  shared_buffers: '32MB',
  // As with segments of the usual size, whose number decides it.
  max_wal_size: '1GB',
  // In the folder, and not where a killed server would leave it behind.
  dynamic_shared_memory_type: 'mmap',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

/** Its restart keeps the port and what was committed, also after a kill. */
export async function openPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const provided = await provideServer('postgres');
  // How we know ours from another server that happens to have the port.
  const name = `millrace-${randomBytes(8).toString('hex')}`;
  return await onFreePort(async (port) => {
    const config = { ...settings, cluster_name: name, ...options.config };
    const { launch, password } =
      provided.way === 'container'
        ? launchInContainer(provided.engine, port, config)
        : launchLocal(provided.program, port, { config, standbyOf: options.standbyOf });
    const urlOf = (database: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
    const url = urlOf('postgres');
    const server = await openServerProcess({ ...launch, isReady: () => isNamed(url, name) });
    const createDatabase = async () => {
      const database = `test_${randomBytes(6).toString('hex')}`;
      await ask(url, `CREATE DATABASE ${database}`);
      return urlOf(database);
    };
    return Object.assign(server, { url, port, createDatabase });
  });
}

interface Prepared {
  readonly launch: Omit<Launch, 'isReady'>;
  readonly password: string;
}

type Config = Readonly<Record<string, string>>;

function launchInContainer(engine: Engine, port: number, config: Config): Prepared {
  const password = runSecret('postgres');
  const launch = launchContainer({
    kind: 'postgres',
    engine,
    ports: [port, 5432],
    environment: {
      POSTGRES_PASSWORD: password,
      POSTGRES_INITDB_ARGS: ['--encoding=UTF8', '--no-locale', '--no-sync', ...logSegments].join(' '),
    },
    args: ['postgres', ...settingArguments(config)],
    quitSignal: 'SIGINT',
  });
  return { launch, password };
}

interface LocalOptions {
  readonly config: Config;
  readonly standbyOf: PostgresServerOptions['standbyOf'];
}

function launchLocal(program: Found, port: number, { config, standbyOf }: LocalOptions): Prepared {
  const user = userInsteadOfRoot();
  const template = openPostgresTemplate(program, user);
  const folder = makeServerFolder('postgres', user);
  const cluster = join(folder, 'cluster');
  const where = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: folder };
  return {
    launch: {
      folder,
      command: [program.path, '-D', cluster, ...settingArguments({ ...where, ...config })],
      user,
      environment: bareEnvironment(folder),
      prepare: () => {
        copyCluster(template, cluster);
        if (standbyOf !== undefined) follow(template, cluster, standbyOf.port);
      },
      ending: `${endProcess('QUIT')}${removeSharedMemory}`,
      control: processControl('SIGINT'),
    },
    password: template.password,
  };
}

function settingArguments(config: Config): string[] {
  return Object.entries(config).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
}

/** A killed server leaves a small piece behind, that only its number in this file tells of. */
const removeSharedMemory = `
if [ -f "$1/cluster/postmaster.pid" ]; then
  set -- "$1" $(sed -n 7p "$1/cluster/postmaster.pid")
  [ -n "$3" ] && ipcrm -m "$3"
fi`;

async function isNamed(url: string, name: string): Promise<boolean> {
  try {
    return (await ask(url, 'SHOW cluster_name'))[0]?.['cluster_name'] === name;
  } catch {
    // Not yet: whoever waits gives up in time, and tells the server's log.
    return false;
  }
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
