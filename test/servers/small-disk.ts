/** A file system of its own in a folder, as small as a test wants it, where this machine lets us mount one. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface SmallDisk {
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  empty(): void;
  readOnly(isSo: boolean): void;
}

const ways = [[], ['sudo', '-n']] as const;

/** The disk, or why there is none. It is there until the test ends. */
export function openSmallDisk(
  t: Pick<TestContext, 'after'>,
  { folder, size }: { readonly folder: string; readonly size: string },
): SmallDisk | string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = `mode=700,uid=${process.getuid?.()},gid=${process.getgid?.()}`;
  const refusals: string[] = [];
  for (const way of ways) {
    try {
      run(way, ['mount', '-t', 'tmpfs', '-o', `size=${size},${own}`, 'millrace-test', folder]);
    } catch (refusal) {
      refusals.push(refusal instanceof Error ? refusal.message : String(refusal));
      continue;
    }
    t.after(() => run(way, ['umount', '--lazy', folder]));
    const filler = join(folder, 'filler');
    return {
      fill: () => fillUp(filler),
      empty: () => rmSync(filler, { force: true }),
      readOnly: (isSo) => run(way, ['mount', '-o', `remount,${isSo ? 'ro' : 'rw'}`, folder]),
    };
  }
  return `no file system can be mounted here: ${refusals.join('; ')}`;
}

function run(way: readonly string[], command: readonly string[]): void {
  const [program = '', ...args] = [...way, ...command];
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function fillUp(path: string): void {
  for (const bytes of [65_536, 4_096, 1]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown;
    }
  }
}
