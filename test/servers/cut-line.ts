/**
 * A line whose packets can be lost: a network of its own, reached by two virtual devices. Each end is told a wrong hardware
 * address of the other, so that nobody is refused, nobody is told, and nothing arrives.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isThere } from './install-kernel-tools.ts';

export interface CutLine {
  /** An address of the same server, over the line. */
  over(url: string): Promise<string>;
  /** From now on every packet is lost, both ways. */
  cut(): void;
  mend(): void;
  /** Connections to its far end that this side has or tries for; the kernel may still be closing others. */
  connections(): number;
  close(): Promise<void>;
}

/** Stands in the other network: from a port there to a socket in the file system, which knows no networks. */
const farEnd = `
  const { connect, createServer } = require('node:net');
  const [path, host] = process.argv.slice(1);
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect(path);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  server.listen(0, host, () => console.log(server.address().port));
`;

const ip = (...args: string[]) => void execFileSync('ip', args, { stdio: 'pipe' });
const wrongAddress = '02:00:00:00:00:01';
let opened = 0;

/** The line, or why there is none. */
export async function openCutLine(): Promise<CutLine | string> {
  if (!isThere('iproute2')) return 'there is no ip (iproute2) here';
  const name = `mr${process.pid}n${opened}`;
  const [here, there] = [`${name}a`, `${name}b`];
  const net = `198.18.${process.pid % 256}`;
  // Four addresses for each line.
  const [near, far] = [`${net}.${4 * opened + 1}`, `${net}.${4 * opened + 2}`];
  opened += 1;
  const within = ['netns', 'exec', name, 'ip'];
  try {
    ip('netns', 'add', name);
    ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name);
    ip('addr', 'add', `${near}/30`, 'dev', here);
    ip('link', 'set', here, 'up');
    ip(...within, 'addr', 'add', `${far}/30`, 'dev', there);
    ip(...within, 'link', 'set', there, 'up');
  } catch (error) {
    removeNetwork(name);
    return `no network of its own can be made here: ${error instanceof Error ? error.message : String(error)}`;
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const closing: (() => unknown)[] = [];
  return {
    over: async (url) => {
      const path = join(folder, `${closing.length}`);
      const closeNear = await listenAt(path, Number(new URL(url).port));
      const child = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', farEnd, path, far], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      closing.push(closeNear, () => ended(child));
      const [port] = (await once(child.stdout, 'data')) as [Buffer];
      const address = new URL(url);
      address.host = `${far}:${String(port).trim()}`;
      return address.href;
    },
    cut: () => {
      ip('neigh', 'replace', far, 'lladdr', wrongAddress, 'dev', here, 'nud', 'permanent');
      ip(...within, 'neigh', 'replace', near, 'lladdr', wrongAddress, 'dev', there, 'nud', 'permanent');
    },
    mend: () => {
      ip('neigh', 'del', far, 'dev', here);
      ip(...within, 'neigh', 'del', near, 'dev', there);
    },
    connections: () => connectionsTo(far),
    close: async () => {
      await Promise.all(closing.map((close) => close()));
      removeNetwork(name);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const [established, trying] = ['01', '02'];

/** The kernel shows an address as one number, in the order of this machine's bytes. */
function connectionsTo(address: string): number {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0').toUpperCase());
  const remote = `${endianness() === 'LE' ? bytes.reverse().join('') : bytes.join('')}:`;
  const rows = readFileSync('/proc/self/net/tcp', 'utf8').trim().split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , to, state]) => to?.startsWith(remote) && (state === established || state === trying))
    .length;
}

/** The devices go with it. */
function removeNetwork(name: string): void {
  try {
    ip('netns', 'del', name);
  } catch {
    // There is none: it could not be made.
  }
}

async function listenAt(path: string, port: number): Promise<() => void> {
  const server = createServer((far) => {
    const near = connect(port, '127.0.0.1');
    far.pipe(near).pipe(far);
    far.on('error', () => near.destroy());
    near.on('error', () => far.destroy());
  });
  server.listen(path);
  await once(server, 'listening');
  return () => server.close();
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
