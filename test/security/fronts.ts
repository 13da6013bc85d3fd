/** Proxies before a gateway, for tests: nginx, and a small one of our own that does the same. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { onFreePort } from '../servers/free-port.ts';
import { nginxProgram } from '../servers/install-nginx.ts';
import { processControl } from '../servers/process-tree.ts';
import {
  bareEnvironment,
  endProcess,
  makeServerFolder,
  openServerProcess,
} from '../servers/server-process.ts';

/** Where fronts listen, and where their clients come from: loopback too, yet not the address that fronts come from. */
export const outside =
  process.platform === 'linux'
    ? ({ host: '127.0.0.1', localAddress: '127.0.0.2' } as const)
    : ({ host: '::1', localAddress: '::1' } as const);

export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** Appends the address of who connects to X-Forwarded-For and passes everything else on, as proxies do. */
export async function openSmallFront(target: number): Promise<Front> {
  const server = createServer((request, response) => {
    const before = request.headers['x-forwarded-for'];
    const peer = request.socket.remoteAddress ?? '';
    const headers = {
      ...request.headers,
      'x-forwarded-for': before === undefined ? peer : `${before}, ${peer}`,
    };
    const { method = 'GET', url: path = '/' } = request;
    const onward = forward({ port: target, host: '127.0.0.1', method, path, headers });
    onward.on('error', () => response.destroy());
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  server.listen(0, outside.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `site` is a `server` block as it stands in the documentation, with the addresses of this test put in by `place`. */
export async function openNginx(place: (port: number) => string): Promise<Front> {
  return await onFreePort(async (port) => {
    const folder = makeServerFolder('nginx', undefined);
    mkdirSync(join(folder, 'temp'));
    const file = join(folder, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${join(folder, 'temp', kind)};`,
    );
    const lines = [
      'daemon off; master_process off; worker_processes 1; error_log stderr;',
      `pid ${join(folder, 'nginx.pid')};`,
      'events { worker_connections 1024; }',
      `http { access_log off; ${temporary.join(' ')}`,
      place(port),
      '}',
    ];
    const server = await openServerProcess({
      folder,
      command: [nginxProgram() ?? 'nginx', '-e', 'stderr', '-p', folder, '-c', file],
      user: undefined,
      environment: bareEnvironment(folder),
      ending: endProcess('KILL'),
      control: processControl('SIGQUIT'),
      prepare: () => writeFileSync(file, lines.join('\n')),
      isReady: () => takesConnections(port),
    });
    return { port, close: () => server.stop() };
  });
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, outside.host);
    socket.once('connect', () => socket.end());
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(true));
  });
}
