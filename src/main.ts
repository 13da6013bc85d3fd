/** The command line. Each verb is loaded when it is asked for, so that `--help` costs nothing. */
import { enableCompileCache } from 'node:module';

// Types are stripped and code compiled once; the next start takes both from here.
enableCompileCache();

const { run } = await import('./cli/run-command.ts');
process.exitCode = await run(process.argv.slice(2), process.env);
