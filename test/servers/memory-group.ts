/** A control group with a limit of memory, as a container has one, where this machine lets us make one. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface MemoryGroup {
  /** What a command has to stand behind to run in it. */
  readonly within: readonly string[];
  /** How many processes the kernel has ended for memory, where it says so. */
  killed(): number;
}

const ways = [
  { mount: '/sys/fs/cgroup', limit: 'memory.max', events: 'memory.events' },
  { mount: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', events: 'memory.oom_control' },
] as const;

/** The group, or why there is none. */
export function openMemoryGroup(t: Pick<TestContext, 'after'>, bytes: number): MemoryGroup | string {
  const refusals: string[] = [];
  for (const { mount, limit, events } of ways) {
    const folder = join(mount, `millrace-test-${process.pid}-${bytes}`);
    try {
      if (!existsSync(mount)) throw new Error(`there is no ${mount}`);
      mkdirSync(folder);
      t.after(() => rmdirSync(folder));
      // Of the second version, the group above has to hand the controller down.
      if (limit === 'memory.max' && !existsSync(join(folder, limit))) {
        writeFileSync(join(mount, 'cgroup.subtree_control'), '+memory');
      }
      if (!existsSync(join(folder, limit))) throw new Error(`${folder} has no ${limit}`);
      writeFileSync(join(folder, limit), `${bytes}`);
      return {
        within: ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(folder, 'cgroup.procs')],
        killed: () =>
          Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(folder, events), 'utf8'))?.[1] ?? Number.NaN),
      };
    } catch (error) {
      refusals.push(String(error));
    }
  }
  return `no control group with a limit of memory can be made here: ${refusals.join('; ')}`;
}
