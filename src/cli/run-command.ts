/** Finds the verb and runs it. Exit codes: 0 done, 1 failed, 2 used wrongly or a bad configuration. */
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import type { Environment } from '../config/expand.ts';
import { closest } from '../lib/closest.ts';
import { version } from '../lib/version.ts';
import { holdYoungGeneration } from '../lib/young-generation.ts';
import { UsageError } from './given.ts';
import type { Invocation, Run } from './invocation.ts';
import { Trouble } from './trouble.ts';
import { createTyped, type Typed } from './typed.ts';
import type { Verb } from './verb.ts';
import { usualVerb, verbs } from './verbs.ts';

/** Loaded when asked for, so that `--help` costs nothing and `serve` no more than it needs. */
const files: Readonly<Record<string, () => Promise<{ readonly run: Run }>>> = {
  serve: () => {
    holdYoungGeneration();
    return import('./serve.ts');
  },
  check: () => import('./check.ts'),
  doctor: () => import('./doctor.ts'),
  init: () => import('./init.ts'),
  run: () => import('./run.ts'),
  models: () => import('./models.ts'),
  upstreams: () => import('./upstreams.ts'),
  ps: () => import('./ps.ts'),
  queue: () => import('./queue.ts'),
  usage: () => import('./usage.ts'),
  exchanges: () => import('./exchanges.ts'),
  savings: () => import('./savings.ts'),
  costs: () => import('./costs.ts'),
  tenants: () => import('./tenants.ts'),
  teams: () => import('./teams.ts'),
  sessions: () => import('./sessions.ts'),
  users: () => import('./users.ts'),
  keys: () => import('./keys.ts'),
  audit: () => import('./audit.ts'),
  privacy: () => import('./privacy.ts'),
  alerts: () => import('./alerts.ts'),
  secrets: () => import('./secrets.ts'),
  reload: () => import('./reload.ts'),
  config: () => import('./config.ts'),
  budgets: () => import('./budgets.ts'),
  bench: () => import('./bench.ts'),
  version: () => import('./version.ts'),
  completion: () => import('./completion.ts'),
};

const launcher = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url));

/** Where what a verb says goes to. */
export interface Voice {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const ownVoice: Voice = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

export async function run(
  argv: readonly string[],
  environment: Environment,
  voice: Voice = ownVoice,
): Promise<number> {
  let exitCode = 0;
  const invocation: Invocation = {
    environment,
    write: (text) => voice.out(`${text}\n`),
    warn: (text) => voice.err(`${text}\n`),
    typed: createTyped({ environment, script: process.argv[1], folder: process.cwd(), launcher }),
  };
  const program = new Command('millrace')
    .description('The LLM gateway that starts with one command on a laptop.')
    .version(version, '-V, --version')
    .helpCommand(false)
    .configureOutput({ writeOut: voice.out, writeErr: voice.err })
    .exitOverride();
  for (const verb of verbs) {
    addVerb(program, verb, invocation.typed).action(async (...args: unknown[]) => {
      const command = args.at(-1) as Command;
      const file = await files[verb.name]?.();
      if (file === undefined) throw new TypeError(`the verb ${verb.name} has no file`);
      exitCode = await file.run(invocation, { words: command.args, options: command.opts() });
    });
  }
  const unknown = unknownVerb(argv);
  if (unknown !== undefined) {
    invocation.warn(unknown);
    return 2;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    return refuse(thrown, invocation);
  }
  return exitCode;
}

/** The usual verb takes no words, so a first word that is no verb is a slip, and not meant for it. */
function unknownVerb([first = '-']: readonly string[]): string | undefined {
  const names = verbs.map((verb) => verb.name);
  if (first.startsWith('-') || names.includes(first)) return undefined;
  const meant = closest(first, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean \`${meant}\`?`;
  return `\`${first.slice(0, 40)}\` is not a command of millrace; ${hint}`;
}

function addVerb(program: Command, verb: Verb, typed: Typed): Command {
  const command = program
    .command(verb.words === undefined ? verb.name : `${verb.name} ${verb.words}`, {
      isDefault: verb.name === usualVerb,
    })
    .description(verb.summary)
    .exitOverride()
    .showHelpAfterError(`(\`${typed(`${verb.name} --help`)}\` shows how it is used)`);
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
