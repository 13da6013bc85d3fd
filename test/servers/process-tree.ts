/** Signals for a process and everything it has started, which for PostgreSQL is one process a connection. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What can be done to a server that runs. */
export interface Control {
  /** At once and without a chance to say goodbye: what a crash or a lost machine looks like. */
  kill(pid: number): void;
  /** Nothing answers, yet every connection stays open. */
  pause(pid: number): void;
  resume(pid: number): void;
  /** In order: PostgreSQL tells its clients. */
  quit(pid: number): void;
}

export function processControl(quitSignal: NodeJS.Signals): Control {
  return {
    kill(pid) {
      // Stopped first, so that nobody starts anything while we look.
      for (const each of stopTree(pid)) signal(each, 'SIGKILL');
    },
    pause: (pid) => void stopTree(pid),
    resume(pid) {
      for (const each of treeOf(pid).reverse()) signal(each, 'SIGCONT');
    },
    quit: (pid) => signal(pid, quitSignal),
  };
}

/** Looks again until there is nobody new: a child that was not stopped yet may have started one more. */
function stopTree(pid: number): number[] {
  const stopped: number[] = [];
  for (let found = [pid]; found.length > 0; found = treeOf(pid).filter((each) => !stopped.includes(each))) {
    for (const each of found) signal(each, 'SIGSTOP');
    stopped.push(...found);
  }
  return stopped;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The process first, then what it has started. */
export function treeOf(pid: number): number[] {
  const all = processes();
  const tree = [pid];
  for (const parent of tree) {
    tree.push(...all.filter((each) => each.parent === parent).map((each) => each.pid));
  }
  return tree;
}

/** One that has ended and was not waited for yet holds nothing any more. */
export function areRunning(pids: readonly number[]): boolean {
  return processes().some((each) => pids.includes(each.pid) && !each.ended);
}

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly ended: boolean;
}

/** From /proc where there is one: a small image has no `ps`. */
function processes(): Listed[] {
  return process.platform === 'linux' ? processesFromProc() : processesFromPs();
}

function processesFromProc(): Listed[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readIfThere(`/proc/${name}/stat`);
      // The name in parentheses may hold anything, spaces and parentheses too.
      const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return stat === '' ? [] : [{ pid: Number(name), parent: Number(parent), ended: /[ZX]/.test(state) }];
    });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}

function processesFromPs(): Listed[] {
  const { stdout, error } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  if (error !== undefined) throw error;
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = '']) => ({
      pid: Number(pid),
      parent: Number(parent),
      ended: state.startsWith('Z'),
    }));
}
