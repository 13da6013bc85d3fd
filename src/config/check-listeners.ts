/** What the listeners' settings mean together: addresses that collide, and doors that cannot both be open and shut. */
import { isLoopback, type ListenAddress } from '../net/listen-address.ts';
import type { Finding } from './check.ts';
import type { Path } from './placed.ts';
import type { Config } from './schema.ts';

export function checkListeners({ config }: { readonly config: Config }): Finding[] {
  return [...checkOverlaps(config), ...checkOpenness(config)];
}

function checkOverlaps({ listen, admin }: Config): Finding[] {
  const taken: readonly (readonly [name: string, path: Path, address: ListenAddress | undefined])[] = [
    ['listen', ['listen'], listen.address],
    ['admin.listen', ['admin', 'listen'], admin.listen],
    ['listen.tls.redirectFrom', ['listen', 'tls', 'redirectFrom'], listen.tls?.redirectFrom],
    ['admin.tls.redirectFrom', ['admin', 'tls', 'redirectFrom'], admin.tls?.redirectFrom],
  ];
  return taken.flatMap(([, path, address], index) => {
    const same = taken.slice(0, index).find(([, , other]) => overlap(other, address));
    return same === undefined
      ? []
      : [{ path, message: `is the address of \`${same[0]}\` too; each needs its own` }];
  });
}

function checkOpenness({ auth, listen, admin }: Config): Finding[] {
  if (auth !== 'none') return [];
  const findings: Finding[] = [];
  if (!isLoopback(listen.address.host) || !isLoopback(admin.listen.host)) {
    const message = '`none` is refused while a listener is open to other machines';
    findings.push({ path: ['auth'], message, hint: 'use `keys`, or listen on 127.0.0.1' });
  }
  if (listen.cors.length > 0) {
    const message = 'names web pages, but without keys none may call';
    findings.push({ path: ['listen', 'cors'], message, hint: 'set `auth: keys`, or leave it out' });
  }
  return findings;
}

/** Port 0 is a new port each time. */
function overlap(a: ListenAddress | undefined, b: ListenAddress | undefined): boolean {
  if (a === undefined || b === undefined || a.port === 0 || a.port !== b.port) return false;
  const everywhere = ['::', '0.0.0.0'];
  return a.host === b.host || everywhere.includes(a.host) || everywhere.includes(b.host);
}
