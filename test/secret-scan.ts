/**
 * Looks for credentials in what git tracks, or with `--history` in everything it ever did.
 * Known shapes only: a scanner that cries at every long word is soon not read.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const shapes: ReadonlyArray<readonly [what: string, shape: RegExp]> = [
  ['an OpenAI key', /\bsk-(?:proj-)?[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b/],
  ['an Anthropic key', /\bsk-ant-[a-z]+\d{2}-[\w-]{80,}\b/],
  ['a Millrace key', /\bsk-mr-[0-9a-f]{46}\b/],
  ['an admin token', /\bmr-admin-[\w-]{43}\b/],
  ['an AWS key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{82})\b/],
  ['a Google key', /\bAIza[\w-]{35}\b/],
  ['a Slack token', /\bxox[abprs]-[\w-]{20,}\b/],
  ['a private key', /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
];

export function findSecrets(text: string): readonly string[] {
  return shapes.filter(([, shape]) => shape.test(text)).map(([what]) => what);
}

export function scanTracked(): readonly string[] {
  const files = git(['ls-files', '-z']).split('\0').filter(Boolean);
  return files.flatMap((file) => findSecrets(readIfThere(file)).map((what) => `${file}: ${what}`));
}

/** A file that is tracked and deleted in the work tree has nothing to show. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function git(args: readonly string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', maxBuffer: 512 * 1024 * 1024 });
}

if (import.meta.main) {
  const found = process.argv.includes('--history')
    ? findSecrets(git(['log', '--patch', '--all', '--no-color']))
    : scanTracked();
  for (const line of found) console.error(`found ${line}`);
  console.log(found.length === 0 ? 'no credentials found' : `${found.length} found`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
