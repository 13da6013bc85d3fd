/**
 * A small shell that outlives us. It waits until our end of its pipe closes, because we say so or because we died of
 * anything, `kill -9` included; then it ends the server and removes its folder. There is no other way to end one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

export interface Guarded {
  readonly folder: string;
  /** Shell commands that end the server, with its folder as `$1`. */
  readonly ending: string;
  /** Who owns the folder and runs the server; ourselves if left out. */
  readonly user: User | undefined;
}

export interface Guard {
  /** Ends the server, removes its folder, and resolves when both are gone. */
  close(): Promise<void>;
}

export function openGuard(guarded: Guarded): Guard {
  const script = [
    'while read -r _; do :; done',
    guarded.ending,
    // A process that is about to die may still write a file: twice is enough then.
    'rm -rf "$1" || { sleep 1; rm -rf "$1"; }',
  ].join('\n');
  const shell = spawn('sh', ['-c', script, 'guard', guarded.folder], {
    // A session of its own: Ctrl-C reaches us, not the guard, which then finds us gone.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    ...guarded.user,
  });
  shell.unref();
  // Whoever forgets to stop a server must not wait for it for ever: leaving closes the pipe as well.
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
  const ended = once(shell, 'exit') as Promise<[number | null]>;
  ended.catch(() => undefined);
  return {
    async close() {
      shell.ref();
      shell.stdin.end();
      const [code] = await ended;
      if (code !== 0) throw new Error(`the guard of ${guarded.folder} ended with ${code}`);
    },
  };
}
