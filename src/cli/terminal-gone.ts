import { closeSync, openSync } from 'node:fs';

/**
 * Whether the terminal that this process was started on is closed. A SIGHUP says either that, or that the configuration is
 * to be read again; only where the terminal is gone there is nobody left who would see the process, or end it.
 */
export function terminalIsGone(): boolean {
  if (!process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}
