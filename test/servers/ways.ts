/** How a machine comes to a server for the tests: a decision without effects. */
import { programs, type ServerKind } from './find-program.ts';

export type Engine = 'docker' | 'podman';

export interface Machine {
  /** A server that is new enough is there. */
  readonly found: boolean;
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  /** Debian or Ubuntu, or made from one. */
  readonly isDebian: boolean;
  /** apt was asked already, and no server came of it. */
  readonly aptFailed: boolean;
  /** The first that can really run something, not merely one whose command is there. */
  readonly engine: Engine | undefined;
}

export type Way = 'found' | 'apt' | 'containers' | 'refused';

export function chooseWay(machine: Machine): Way {
  if (machine.found) return 'found';
  const mayInstall = machine.platform === 'linux' && machine.isRoot && machine.isDebian;
  if (mayInstall && !machine.aptFailed) return 'apt';
  return machine.engine === undefined ? 'refused' : 'containers';
}

export const packages: Readonly<Record<ServerKind, string>> = {
  redis: 'redis-server',
  postgres: 'postgresql',
};

const namesOf: Readonly<Record<ServerKind, string>> = {
  redis: `Redis ${programs.redis.majorMin} or later (or Valkey)`,
  postgres: `PostgreSQL ${programs.postgres.majorMin} or later`,
};

/** What to do about it, in commands for this machine. */
export function refusal(kind: ServerKind, machine: Machine): string {
  const brew = kind === 'redis' ? 'redis' : 'postgresql@17';
  const install: Partial<Record<NodeJS.Platform, string>> = {
    linux: machine.isDebian
      ? `sudo apt-get install --no-install-recommends ${packages[kind]}`
      : `your system's package of it, mostly called ${kind === 'redis' ? 'redis or valkey' : 'postgresql-server'}`,
    darwin: `brew install ${brew}`,
  };
  return [
    `these tests need ${namesOf[kind]}, and there is none on PATH or where systems put it.`,
    machine.aptFailed ? `apt-get could not install ${packages[kind]}, or only an older one.` : '',
    `Install it: ${install[machine.platform] ?? 'on Linux, macOS or in WSL'}`,
    'or start docker or podman, or leave these tests out: npm test -- --embedded',
  ]
    .filter((line) => line !== '')
    .join('\n');
}
