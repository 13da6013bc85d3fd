/** `millrace completion SHELL`: made of the same table as the help. */
import { type Given, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import type { Verb } from './verb.ts';
import { verbs } from './verbs.ts';

export function run(invocation: Invocation, given: Given): Promise<number> {
  const shell = given.words[0] ?? '';
  const write = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (write === undefined) throw new UsageError('there is completion for bash, zsh and fish');
  invocation.write(write());
  return Promise.resolve(0);
}

const shells: Readonly<Record<string, () => string>> = { bash, zsh, fish };

function bash(): string {
  const cases = verbs.map((verb) => `    ${verb.name}) words="${flagsOf(verb).join(' ')}" ;;`);
  return `_millrace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  case "$previous" in
    -c|--config|-o|--output) COMPREPLY=( $(compgen -f -- "$current") ); return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${verbs.map((verb) => verb.name).join(' ')}"
  COMPREPLY=( $(compgen -W "$words" -- "$current") )
}
complete -F _millrace millrace`;
}

function zsh(): string {
  const names = verbs.map((verb) => `    '${verb.name}:${escaped(verb.summary)}'`);
  const cases = verbs.map((verb) => {
    const specs = verb.options.map(([flags, meaning]) => zshOption(flags, meaning));
    return `    ${verb.name}) _arguments ${specs.join(' ')} '*:file:_files' ;;`;
  });
  return `#compdef millrace
_millrace() {
  local -a verbs=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then _describe verb verbs; return; fi
  case "\${words[2]}" in
${cases.join('\n')}
  esac
}
compdef _millrace millrace`;
}

function zshOption(flags: string, meaning: string): string {
  const value = /<(\w+)>/.exec(flags)?.[1];
  const rest = value === undefined ? '' : `:${value}:${value === 'file' ? '_files' : ''}`;
  return `'${longFlag(flags)}[${escaped(meaning).replace(/[[\]]/g, '')}]${rest}'`;
}

function fish(): string {
  const names = verbs.map(
    (verb) =>
      `complete -c millrace -f -n __fish_use_subcommand -a ${verb.name} -d '${escaped(verb.summary)}'`,
  );
  const options = verbs.flatMap((verb) =>
    verb.options.map(([flags, meaning]) => {
      const takesValue = flags.includes('<') ? ' -r' : '';
      const long = longFlag(flags).slice(2);
      return `complete -c millrace -n '__fish_seen_subcommand_from ${verb.name}' -l ${long}${takesValue} -d '${escaped(meaning)}'`;
    }),
  );
  return [...names, ...options].join('\n');
}

function flagsOf(verb: Verb): string[] {
  return [...verb.options.map(([flags]) => longFlag(flags)), '--help'];
}

function longFlag(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? '';
}

/** For a place between single quotes, in all three. */
function escaped(text: string): string {
  return text.replaceAll("'", '’').replaceAll(':', ' -');
}
