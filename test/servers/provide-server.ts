/** Finds a server on this machine, or sees to it that there is one; says what to install when it cannot. */
import { readFileSync } from 'node:fs';
import { aptInstall } from './apt-install.ts';
import { findEngine, images, pullImage } from './container.ts';
import { type Found, findProgram, type ServerKind } from './find-program.ts';
import { chooseWay, type Engine, type Machine, packages, refusal } from './ways.ts';

export type Provided =
  | { readonly way: 'program'; readonly program: Found }
  | { readonly way: 'container'; readonly engine: Engine };

const provided = new Map<ServerKind, Promise<Provided>>();

/** Looks once a process. */
export function provideServer(kind: ServerKind): Promise<Provided> {
  const known = provided.get(kind) ?? provide(kind);
  provided.set(kind, known);
  return known;
}

async function provide(kind: ServerKind): Promise<Provided> {
  let aptFailed = false;
  for (;;) {
    const program = findProgram(kind);
    if (program !== undefined) return { way: 'program', program };
    const machine = surveyMachine(aptFailed);
    const way = chooseWay(machine);
    if (way === 'apt') {
      // Also when apt is content: what it installed may be too old, and then it is not found.
      aptFailed = true;
      await aptInstall(packages[kind]);
    } else if (way === 'containers' && machine.engine !== undefined) {
      if (pullImage(machine.engine, images[kind])) return { way: 'container', engine: machine.engine };
      throw new Error(`${machine.engine} cannot fetch ${images[kind]}; ${refusal(kind, machine)}`);
    } else throw new Error(refusal(kind, machine));
  }
}

/** Of a machine on which no server was found. */
function surveyMachine(aptFailed: boolean): Machine {
  return {
    found: false,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    isDebian: /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(osRelease()),
    aptFailed,
    engine: findEngine(),
  };
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch (error) {
    // Only Linux has it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
