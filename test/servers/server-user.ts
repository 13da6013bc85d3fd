/** Whom a server runs as that refuses to run as root. */
import { spawnSync } from 'node:child_process';
import type { User } from './guard.ts';

/** Nobody else in particular, when we are not root. */
export function userInsteadOfRoot(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const user = ['postgres', 'nobody'].map(lookUp).find((found) => found !== undefined);
  if (user === undefined) {
    throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody to run it as');
  }
  return user;
}

function lookUp(name: string): User | undefined {
  const [uid, gid] = ['-u', '-g'].map((what) =>
    spawnSync('id', [what, name], { encoding: 'utf8' }).stdout.trim(),
  );
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}
