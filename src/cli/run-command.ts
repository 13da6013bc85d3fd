/** Finds the verb and runs it. Exit codes: 0 done, 1 failed, 2 used wrongly or a bad configuration. */
import { Command, CommanderError } from 'commander';
import type { Environment } from '../config/expand.ts';

export interface Invocation {
  readonly environment: Environment;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
}

export async function run(argv: readonly string[], environment: Environment): Promise<number> {
  let exitCode = 0;
  const invocation: Invocation = {
    environment,
    write: (text) => void process.stdout.write(`${text}\n`),
    warn: (text) => void process.stderr.write(`${text}\n`),
  };
  const program = new Command('millrace')
    .description('The LLM gateway that starts with one command on a laptop.')
    .exitOverride();
  program
    .command('serve', { isDefault: true })
    .description('run the gateway')
    .option('-c, --config <file>', 'the configuration; defaults alone without one')
    .action(async (options: { config?: string }) => {
      const { serve } = await import('./serve.ts');
      exitCode = await serve(invocation, options);
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    invocation.warn(thrown instanceof Error ? thrown.message : String(thrown));
    return 1;
  }
  return exitCode;
}
