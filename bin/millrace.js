#!/usr/bin/env node
// Starts Millrace with a Node that can run it: this one, or the one that was installed beside it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as modules from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

if (major > 24 || (major === 24 && minor >= 20)) {
  // From here on types are stripped and code is compiled once: the next start takes both from the cache.
  modules.enableCompileCache();
  await import(main);
} else {
  const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  if (existsSync(own)) {
    const child = spawn(own, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
    // Whoever ends or asks something of this process means the gateway. Ctrl-C reaches both, and is for it to obey.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    // As a shell has it: what a signal ended is 128 and the signal's number.
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 128 + constants.signals[signal];
    });
  } else {
    process.stderr.write(
      `Millrace needs Node 24.20 or newer; this is ${process.versions.node}. ` +
        'Run `npm ci` in its folder (it brings one), or install a newer Node.\n',
    );
    process.exitCode = 1;
  }
}
