/** Why a start failed, in one line, and what mends it. */

import { SpoiltSecret } from '../identity/own-secrets.ts';

interface SystemError extends Error {
  readonly code: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly address?: string;
  readonly port?: number;
}

interface Explanation {
  readonly says: (error: SystemError) => string;
  readonly mend: (error: SystemError) => string;
}

const listening: Readonly<Record<string, Explanation>> = {
  EADDRINUSE: {
    says: (error) => `${placeOf(error)} is in use by another process`,
    mend: (error) =>
      `stop that one (\`millrace doctor\` tells whether it is a Millrace), or choose another address: ${settingFor(error)}`,
  },
  EACCES: {
    says: (error) => `this user may not listen on ${placeOf(error)}`,
    mend: (error) => `ports below 1024 are the administrator's; choose another: ${settingFor(error)}`,
  },
  EADDRNOTAVAIL: {
    says: (error) => `${error.address ?? 'the address'} is not an address of this machine`,
    mend: (error) => `choose another: ${settingFor(error)}`,
  },
  ENOTFOUND: {
    says: () => 'the name to listen on is not known to this machine',
    mend: (error) => `use an address: ${settingFor(error)}`,
  },
};

const files: Readonly<Record<string, Explanation>> = {
  EACCES: {
    says: (error) => `this user may not write ${error.path ?? 'the data folder'}`,
    mend: () => 'give the folder to this user, or choose another: MILLRACE__DATA=FOLDER',
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

export type Listening = 'clients' | 'admin';

/** Nothing when it is no trouble that we know: then it is our own mistake and deserves its stack. */
export function explainStart(thrown: unknown, listener: Listening): string | undefined {
  if (thrown instanceof SpoiltSecret) return `cannot start: ${thrown.message}`;
  if (!isSystemError(thrown)) return undefined;
  const table = isListening(thrown) ? listening : files;
  const known = Object.hasOwn(table, thrown.code) ? table[thrown.code] : undefined;
  if (known === undefined) return undefined;
  const error = Object.assign(thrown, { listener });
  return `cannot start: ${known.says(error)}; ${known.mend(error)}`;
}

function isListening({ syscall }: SystemError): boolean {
  return syscall === 'listen' || syscall === 'bind' || syscall === 'getaddrinfo';
}

function placeOf({ address, port }: SystemError): string {
  return `${address?.includes(':') === true ? `[${address}]` : (address ?? 'the address')}:${port ?? ''}`;
}

function settingFor(error: SystemError & { listener?: Listening }): string {
  return error.listener === 'admin'
    ? 'MILLRACE__ADMIN__LISTEN=127.0.0.1:7081'
    : 'MILLRACE__LISTEN__ADDRESS=127.0.0.1:7080';
}

function isSystemError(thrown: unknown): thrown is SystemError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string';
}
