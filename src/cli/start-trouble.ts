/** Why a start failed, in one line, and what mends it. */
import { SpoiltMasterKey } from '../identity/master-keys.ts';
import { SpoiltSecret } from '../identity/own-secrets.ts';
import { CertificateError } from '../net/certificate.ts';
import { formatListenAddress, type ListenAddress } from '../net/listen-address.ts';
import type { Typed } from './typed.ts';

interface SystemError extends Error {
  readonly code: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly address?: string;
  readonly port?: number;
}

export interface StartFacts {
  /** Which listener was being opened: the mending line names its setting. */
  readonly listener: 'clients' | 'admin';
  /** The other one's address, where that is taken too: both are mended at once. */
  readonly alsoBusy: ListenAddress | undefined;
  readonly typed: Typed;
}

interface Explanation {
  readonly says: (error: SystemError, facts: StartFacts) => string;
  readonly mend: (error: SystemError, facts: StartFacts) => string;
}

const listening: Readonly<Record<string, Explanation>> = {
  EADDRINUSE: {
    says: (error, { alsoBusy }) =>
      alsoBusy === undefined
        ? `${placeOf(error)} is in use by another process`
        : `${placeOf(error)} and ${formatListenAddress(alsoBusy)} are in use by other processes`,
    mend: (_error, facts) =>
      `stop what is there (\`${facts.typed('doctor')}\` tells whether it is a Millrace), or choose another address: ` +
      (facts.alsoBusy === undefined ? settingFor(facts) : Object.values(settings).join(' ')),
  },
  EACCES: {
    says: (error) => `this user may not listen on ${placeOf(error)}`,
    mend: (_error, facts) => `ports below 1024 are the administrator's; choose another: ${settingFor(facts)}`,
  },
  EADDRNOTAVAIL: {
    says: (error) => `${error.address ?? 'the address'} is not an address of this machine`,
    mend: (_error, facts) => `choose another: ${settingFor(facts)}`,
  },
  ENOTFOUND: {
    says: () => 'the name to listen on is not known to this machine',
    mend: (_error, facts) => `use an address: ${settingFor(facts)}`,
  },
};

const notWritable: Explanation = {
  says: (error) => `this user may not write ${error.path ?? 'the data folder'}`,
  mend: () => 'give the folder to this user, or choose another: MILLRACE__DATA=FOLDER',
};

const files: Readonly<Record<string, Explanation>> = {
  EACCES: notWritable,
  EPERM: notWritable,
  ENOENT: {
    says: (error) => `${error.path ?? 'the data folder'} cannot be made where it should be`,
    mend: () => 'choose another folder: MILLRACE__DATA=FOLDER',
  },
  EROFS: {
    says: (error) => `${error.path ?? 'the data folder'} is on a file system that cannot be written`,
    mend: () => 'choose another folder: MILLRACE__DATA=FOLDER',
  },
  ENOSPC: {
    says: (error) => `the disk of ${error.path ?? 'the data folder'} is full`,
    mend: () => 'make room, or choose another folder: MILLRACE__DATA=FOLDER',
  },
  ENOTDIR: {
    says: (error) => `${error.path ?? 'the data folder'} is not a folder`,
    mend: () => 'choose another folder: MILLRACE__DATA=FOLDER',
  },
  EEXIST: {
    says: (error) => `${error.path ?? 'the data folder'} is not a folder`,
    mend: () => 'choose another folder: MILLRACE__DATA=FOLDER',
  },
  EMFILE: {
    says: () => 'this process may not open more files',
    mend: () => 'raise the limit: ulimit -n 65536',
  },
};

/** Nothing when it is no trouble that we know: then it is our own mistake and deserves its stack. */
export function explainStart(thrown: unknown, facts: StartFacts): string | undefined {
  if (thrown instanceof CertificateError) {
    return `cannot start: ${thrown.message}; \`${facts.typed('doctor')}\` looks at the certificates of both listeners`;
  }
  if (thrown instanceof SpoiltSecret || thrown instanceof SpoiltMasterKey)
    return `cannot start: ${thrown.message}`;
  if (!isSystemError(thrown)) return undefined;
  const table = isListening(thrown) ? listening : files;
  const known = Object.hasOwn(table, thrown.code) ? table[thrown.code] : undefined;
  if (known === undefined) return undefined;
  return `cannot start: ${known.says(thrown, facts)}; ${known.mend(thrown, facts)}`;
}

function isListening({ syscall }: SystemError): boolean {
  return syscall === 'listen' || syscall === 'bind' || syscall === 'getaddrinfo';
}

function placeOf({ address, port }: SystemError): string {
  return `${address?.includes(':') === true ? `[${address}]` : (address ?? 'the address')}:${port ?? ''}`;
}

const settings = {
  clients: 'MILLRACE__LISTEN__ADDRESS=127.0.0.1:7080',
  admin: 'MILLRACE__ADMIN__LISTEN=127.0.0.1:7081',
} as const;

function settingFor({ listener }: StartFacts): string {
  return settings[listener];
}

function isSystemError(thrown: unknown): thrown is SystemError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string';
}
