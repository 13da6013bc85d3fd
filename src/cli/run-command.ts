/** Finds the verb and runs it. Exit codes: 0 done, 1 failed, 2 used wrongly or a bad configuration. */
import { Command, CommanderError } from 'commander';
import type { Environment } from '../config/expand.ts';
import { version } from '../lib/version.ts';
import { UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { Trouble } from './trouble.ts';
import { usualVerb, type Verb, verbs } from './verbs.ts';

export async function run(argv: readonly string[], environment: Environment): Promise<number> {
  let exitCode = 0;
  const invocation: Invocation = {
    environment,
    write: (text) => void process.stdout.write(`${text}\n`),
    warn: (text) => void process.stderr.write(`${text}\n`),
  };
  const program = new Command('millrace')
    .description('The LLM gateway that starts with one command on a laptop.')
    .version(version, '-V, --version')
    .helpCommand(false)
    .exitOverride();
  for (const verb of verbs) {
    addVerb(program, verb).action(async (...args: unknown[]) => {
      const command = args.at(-1) as Command;
      const { run: runVerb } = await verb.load();
      exitCode = await runVerb(invocation, { words: command.args, options: command.opts() });
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    return refuse(thrown, invocation);
  }
  return exitCode;
}

function addVerb(program: Command, verb: Verb): Command {
  const command = program
    .command(verb.words === undefined ? verb.name : `${verb.name} ${verb.words}`, {
      isDefault: verb.name === usualVerb,
    })
    .description(verb.summary)
    .exitOverride()
    .showHelpAfterError(`(\`millrace ${verb.name} --help\` shows how it is used)`);
  for (const [flags, meaning] of verb.options) command.option(flags, meaning);
  const examples = verb.examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`);
  return command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
}

function refuse(thrown: unknown, invocation: Invocation): number {
  // Commander has said already what is wrong.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  if (thrown instanceof UsageError || thrown instanceof Trouble) {
    invocation.warn(thrown.message);
    return thrown instanceof UsageError ? 2 : thrown.exitCode;
  }
  const known = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  invocation.warn(`millrace made a mistake; please report it:\n${known}`);
  return 1;
}
