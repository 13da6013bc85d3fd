/** The command line. Each verb is loaded when it is asked for, so that `--help` costs nothing. */
import { enableCompileCache } from 'node:module';

// Types are stripped and code compiled once; the next start takes both from here.
// Threads and children take what is in the environment for it: without, each of them strips all types anew.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory;

// Whoever read what a verb says has left, as `head` does: there is nobody to tell the rest to. 141 is what a shell sees
// of any program that a broken pipe ends. The log of a gateway takes another way and survives its reader.
process.stdout.on('error', (trouble) =>
  process.exit('code' in trouble && trouble.code === 'EPIPE' ? 141 : 1),
);
// Complaints that nobody can hear change nothing of what is done, nor of the exit code.
process.stderr.on('error', () => {});

const { run } = await import('./cli/run-command.ts');
process.exitCode = await run(process.argv.slice(2), process.env);
