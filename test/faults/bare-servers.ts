/**
 * Servers that do nothing but refuse, each in a process of its own as gateways are: `node test/faults/bare-servers.ts` is
 * one of them, and tells its address. What a flood of them does to others, it does by taking the machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

if (import.meta.main) {
  const body = JSON.stringify({ error: { message: 'no' } });
  const head = { 'content-type': 'application/json', 'content-length': body.length };
  const server = createServer((_request, response) => response.writeHead(401, head).end(body));
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
  });
}

export interface BareServers {
  readonly urls: readonly string[];
  close(): void;
}

export async function openBareServers(count: number): Promise<BareServers> {
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, [import.meta.filename], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const urls = await Promise.all(children.map(firstLine));
  return {
    urls,
    close: () => {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new TypeError('its output is read');
  const [line] = await once(createInterface({ input: stdout }), 'line');
  return String(line);
}
