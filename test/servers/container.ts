/** A server in a container, for machines that have none of their own and may not install one. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { ServerKind } from './find-program.ts';
import type { Control } from './process-tree.ts';
import { type Launch, makeServerFolder } from './server-process.ts';
import type { Engine } from './ways.ts';

export interface Container {
  readonly kind: ServerKind;
  readonly engine: Engine;
  /** On this machine, and in the container. */
  readonly ports: readonly [number, number];
  readonly environment: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly quitSignal: NodeJS.Signals;
}

export const images: Readonly<Record<ServerKind, string>> = {
  redis: 'redis:7-alpine',
  postgres: 'postgres:17-alpine',
};

const engines: readonly Engine[] = ['docker', 'podman'];
const askMsMax = 20_000;
const pullMsMax = 600_000;

/** Its command alone says nothing: the daemon behind it has to answer. */
export function findEngine(): Engine | undefined {
  return engines.find((engine) => spawnSync(engine, ['info'], { timeout: askMsMax }).status === 0);
}

/** Whether the image is there now. Progress is shown on standard error. */
export function pullImage(engine: Engine, image: string): boolean {
  if (spawnSync(engine, ['image', 'inspect', image], { timeout: askMsMax }).status === 0) return true;
  console.error(`fetching ${image} with ${engine}, for the tests that need it`);
  return spawnSync(engine, ['pull', image], { stdio: ['ignore', 2, 2], timeout: pullMsMax }).status === 0;
}

/** Made once and started again and again: what it stored is there after a kill. */
export function launchContainer(container: Container): Omit<Launch, 'isReady'> {
  const { kind, engine, ports, environment, args, quitSignal } = container;
  const name = `millrace-${kind}-${randomBytes(8).toString('hex')}`;
  const published = ['--publish', `127.0.0.1:${ports.join(':')}`];
  const variables = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  return {
    folder: makeServerFolder(kind, undefined),
    prepare: () => ask(engine, ['create', '--name', name, ...published, ...variables, images[kind], ...args]),
    command: [engine, 'start', '--attach', name],
    user: undefined,
    // The engine's own settings decide where its daemon is.
    environment: process.env,
    ending: [
      `${engine} unpause ${name}`,
      `${engine} kill ${name}`,
      `${engine} rm --force --volumes ${name}`,
    ].join('\n'),
    control: containerControl(engine, name, quitSignal),
  };
}

/** What an engine refuses because the container is past it is no failure: a process that is gone takes no signal. */
function containerControl(engine: Engine, name: string, quitSignal: NodeJS.Signals): Control {
  const whileIn = (states: readonly string[], args: readonly string[]) => {
    try {
      ask(engine, args);
    } catch (error) {
      if (states.includes(ask(engine, ['inspect', '--format', '{{.State.Status}}', name]))) throw error;
    }
  };
  return {
    kill: () => whileIn(['running', 'paused'], ['kill', name]),
    pause: () => whileIn(['running'], ['pause', name]),
    resume: () => whileIn(['paused'], ['unpause', name]),
    quit: () => whileIn(['running'], ['kill', '--signal', quitSignal, name]),
  };
}

function ask(engine: Engine, args: readonly string[]): string {
  const asked = spawnSync(engine, args, { encoding: 'utf8', timeout: askMsMax });
  if (asked.status !== 0) {
    throw new Error(`${engine} ${args.join(' ')} ended with ${asked.status}: ${asked.stderr}`, {
      cause: asked.error,
    });
  }
  return asked.stdout.trim();
}
