/** The command line on a terminal, as a person sees it: what is typed goes in, what is shown can be waited for. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { type Command, cleanEnvironment, main } from './gateway-process.ts';

export const keys = { enter: '\r', ctrlC: '\u0003', ctrlD: '\u0004' } as const;

export interface Terminal {
  type(text: string): void;
  /** Settles when this is shown after all that was waited for before; returns what was shown up to its end. */
  shows(pattern: RegExp): Promise<string>;
  /** Everything so far, with colours and cursor movements as they came. */
  raw(): string;
  /** Settles with the exit code of what runs on it. */
  readonly ended: Promise<number | null>;
  /** As when its window is closed: what runs on it is told, and finds it gone. */
  close(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

const waitMs = 15_000;

export function openTerminal(args: readonly string[], command: Command): Terminal {
  assertScript();
  const line = ['exec', process.execPath, main, ...args].map((word, at) => (at === 0 ? word : quoted(word)));
  const child = spawn('script', ['-qfec', `stty cols 100 rows 30; ${line.join(' ')}`, '/dev/null'], {
    cwd: command.place.folder,
    env: { ...cleanEnvironment, SHELL: '/bin/sh', TERM: 'xterm-256color', ...command.environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  // What is typed into a terminal that is gone goes nowhere, as it does for a person.
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(([code]) => code as number | null);
  let isOpen = true;
  void ended.finally(() => {
    isOpen = false;
  });
  const shows = async (pattern: RegExp) => {
    const signal = AbortSignal.timeout(waitMs);
    for (;;) {
      const rest = stripVTControlCharacters(text).slice(seen);
      const found = pattern.exec(rest);
      if (found !== null) {
        seen += found.index + found[0].length;
        return rest.slice(0, found.index + found[0].length);
      }
      const missing = `the terminal never showed ${pattern}; it shows:\n${rest}`;
      assert.ok(isOpen, missing);
      const more = once(child.stdout, 'data', { signal });
      await Promise.race([more, ended]).catch(() => assert.fail(missing));
    }
  };
  return {
    type: (typed) => void child.stdin.write(typed),
    shows,
    raw: () => text,
    ended,
    close: () => void child.kill('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      child.stdin.write(keys.ctrlC + keys.ctrlD);
      const late = setTimeout(() => child.kill('SIGTERM'), 5_000);
      await ended;
      clearTimeout(late);
    },
  };
}

function assertScript(): void {
  try {
    assert.match(execFileSync('script', ['--version'], { encoding: 'utf8' }), /util-linux/);
  } catch (cause) {
    throw new Error(
      'a terminal to test on needs `script` of util-linux (Debian and Ubuntu: apt-get install bsdutils)',
      { cause },
    );
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
