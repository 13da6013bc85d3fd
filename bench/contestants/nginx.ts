import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled } from '../child.ts';
import { type Contestant, clientKey, type Site } from './contestant.ts';

/** Debian puts it where only root's path looks. */
const programs = ['nginx', '/usr/sbin/nginx'];

export const nginx: Contestant = {
  name: 'nginx',
  describe: () => `${versionLine()}: one worker, keep-alive upstream, streams unbuffered, no key checked`,
  missing: () =>
    findProgram() === undefined ? 'nginx is not installed (apt-get install nginx-light)' : undefined,
  command: (site) => {
    const path = join(site.folder, 'nginx.conf');
    writeFileSync(path, configuration(site));
    return { file: findProgram() ?? 'nginx', args: ['-p', site.folder, '-c', path, '-e', 'stderr'] };
  },
  headers: () => ({ authorization: `Bearer ${clientKey}` }),
};

function findProgram(): string | undefined {
  return programs.find(isInstalled);
}

function versionLine(): string {
  const { stderr } = spawnSync(findProgram() ?? 'nginx', ['-v'], { encoding: 'utf8' });
  return stderr.trim().replace(/^nginx version: /, '');
}

function configuration(site: Site): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${join(site.folder, kind)};`)
    .join('\n');
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${join(site.folder, 'nginx.pid')};
events { worker_connections 19000; }
http {
${temporary}
  access_log off;
  client_body_buffer_size 256k;
  keepalive_timeout 65s;
  keepalive_requests 1000000000;
  upstream mock {
    server 127.0.0.1:${site.mockPort};
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${site.port} backlog=4096;
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}
