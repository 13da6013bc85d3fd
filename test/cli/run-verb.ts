/**
 * The command line in this process: the same words, environment, folder, text and exit code as in one of its own, whose
 * start alone takes half a second of the processor. What only a process shows (its input, its end, a reader that leaves,
 * a signal) takes `millrace`.
 */
import { run } from '../../src/cli/run-command.ts';
import { type Command, cleanEnvironment, type Ended } from './gateway-process.ts';

export type Said = Omit<Ended, 'tookMs'>;

type Asked = Pick<Command, 'place' | 'environment'>;

/** A process is in one folder at a time. */
let last: Promise<unknown> = Promise.resolve();

export function runVerb(args: readonly string[], asked: Asked): Promise<Said> {
  const ran = last.then(() => runIn(args, asked));
  last = ran.catch(() => undefined);
  return ran;
}

async function runIn(
  args: readonly string[],
  { place, environment }: Pick<Command, 'place' | 'environment'>,
) {
  const before = process.cwd();
  const said = { out: '', err: '' };
  process.chdir(place.folder);
  try {
    const code = await run(
      args,
      // Whoever runs a test at a terminal gets the text of a pipe, too.
      { ...cleanEnvironment, NO_COLOR: '1', ...environment },
      {
        out: (text) => {
          said.out += text;
        },
        err: (text) => {
          said.err += text;
        },
      },
    );
    return { code, ...said };
  } finally {
    process.chdir(before);
  }
}
