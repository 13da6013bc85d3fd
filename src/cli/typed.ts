/** What the reader of a hint types to run a verb: nobody who came by `npm start` has a `millrace` on the PATH. */
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import type { Environment } from '../config/expand.ts';

/** A verb and its words, as they are typed here. */
export type Typed = (words: string) => string;

export interface StartedAs {
  readonly environment: Environment;
  /** The script that Node was given. */
  readonly script: string | undefined;
  /** The working directory, which is the reader's too. */
  readonly folder: string;
  /** `bin/millrace.js`, which any Node can run. */
  readonly launcher: string;
}

export function createTyped(started: StartedAs): Typed {
  const prefix = prefixOf(started);
  return (words) => `${prefix} ${words}`;
}

function prefixOf({ environment, script = '', folder, launcher }: StartedAs): string {
  const ours = environment['npm_package_name'] === 'millrace';
  const event = environment['npm_lifecycle_event'] ?? '';
  if (ours && ownScripts.includes(event)) return 'npm run millrace --';
  if (event === 'npx' || dirname(script).endsWith(join('node_modules', '.bin'))) return 'npx millrace';
  if (basename(script) === 'millrace') return 'millrace';
  const near = relative(folder, launcher);
  const path = near.startsWith('..') || isAbsolute(near) ? launcher : near;
  return `node ${/[^\w./:\\-]/.test(path) ? JSON.stringify(path) : path}`;
}

/** Those of package.json that run the command line. */
const ownScripts: readonly string[] = ['start', 'dev', 'millrace'];
