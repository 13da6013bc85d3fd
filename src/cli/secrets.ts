/** `millrace secrets`: what `store:NAME` in the configuration refers to, and the master key that seals what is kept. */
import { secretName, secretValue } from '../admin/secret-shapes.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { flagOption, type Given, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { type Actions, findAction } from './run-action.ts';
import { openSecretKeeper, type SecretKeeper } from './secret-keeper.ts';
import { formatTable } from './table.ts';
import { Trouble } from './trouble.ts';

interface Task {
  readonly keeper: SecretKeeper;
  readonly invocation: Invocation;
  readonly given: Given;
}

const actions: Actions<(task: Task) => Promise<void>> = { list, set, remove, rotate };
const inputBytesMax = 65_536;

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const act = findAction('secrets', actions, given);
  const keeper = await openSecretKeeper(invocation, given).catch((thrown: unknown) => {
    if (!(thrown instanceof ConfigError)) throw thrown;
    throw new Trouble(thrown.problems.map(formatProblem).join('\n'), { cause: thrown, exitCode: 2 });
  });
  try {
    await act({ keeper, invocation, given });
    return 0;
  } finally {
    await keeper.close();
  }
}

async function list({ keeper, invocation, given }: Task): Promise<void> {
  const items = await keeper.list();
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ items }));
    return;
  }
  const rows = items.map((item) => [item.name, String(item.version), item.updatedAt, item.updatedBy]);
  invocation.write(formatTable(['NAME', 'VERSION', 'CHANGED', 'BY'], rows));
}

async function set({ keeper, invocation, given }: Task): Promise<void> {
  const name = nameIn(given);
  const value = secretValue.safeParse(await readInput());
  if (!value.success) throw new UsageError(`the secret ${value.error.issues[0]?.message}`);
  const kept = await keeper.set(name, value.data);
  if (flagOption(given, 'json')) invocation.write(JSON.stringify(kept));
  else invocation.write(`${name} is kept, version ${kept.version}; \`store:${name}\` refers to it`);
}

async function remove({ keeper, invocation, given }: Task): Promise<void> {
  const name = nameIn(given);
  await keeper.remove(name);
  invocation.write(flagOption(given, 'json') ? JSON.stringify({ name }) : `${name} is removed`);
}

async function rotate({ keeper, invocation, given }: Task): Promise<void> {
  const left: { tenant: string; user: string }[] = [];
  let rewrapped = 0;
  let next: { tenant: string; user: string } | undefined;
  do {
    const some = await keeper.rotate(next);
    rewrapped += some.rewrapped;
    left.push(...some.left);
    next = some.next;
    if (next !== undefined) invocation.warn(`${rewrapped} data keys so far`);
  } while (next !== undefined);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ rewrapped, left }));
    return;
  }
  invocation.write(`${rewrapped} data keys came under the master key in use`);
  if (left.length === 0) {
    invocation.write(
      'None is left under another: it may go from secrets.previousMasterKeys once every gateway has',
    );
    invocation.write(
      'shipped what it had sealed in its spool, which takes seconds while the store is there.',
    );
    return;
  }
  throw new Trouble(
    `${left.length} are under a master key that is not here, and were left: name it in secrets.previousMasterKeys`,
  );
}

function nameIn(given: Given): string {
  const name = secretName.safeParse(given.words[1]);
  if (name.success) return name.data;
  throw new UsageError(
    `\`secrets ${given.words[0]} NAME\` needs a name of letters, digits, dots, dashes or underscores`,
  );
}

/** Never from the command line: others on this machine read that, and shells keep it. */
async function readInput(): Promise<string> {
  if (process.stdin.isTTY)
    throw new UsageError('the secret is read from standard input: `millrace secrets set NAME < FILE`');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > inputBytesMax) throw new UsageError(`a secret has at most ${inputBytesMax} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString().trim();
}
