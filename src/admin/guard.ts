/** Who may speak to the admin listener: whoever has the token, and comes under a name that is ours. */
import { hash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { isLoopback, type ListenAddress } from '../net/listen-address.ts';

/** Compares digests: how long it takes tells nothing about the token, not even its length. */
export function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = hash('sha256', token, 'buffer');
  return (authorization) => {
    const [, given] = /^Bearer +(\S{1,4096})$/i.exec(authorization ?? '') ?? [];
    return given !== undefined && timingSafeEqual(hash('sha256', given, 'buffer'), expected);
  };
}

/**
 * A page on the web can point a name of its own at this machine and have the visitor's browser call us under that name
 * (DNS rebinding). So only names that are ours are answered: loopback's, the configured one, those of our certificate and
 * of the console, and where others may reach us any plain address, which no one can rebind.
 */
export function createHostCheck(
  listen: ListenAddress,
  isCertified: (name: string) => boolean = () => false,
): (host: string | undefined) => boolean {
  const onLoopback = isLoopback(listen.host);
  const own = listen.host.toLowerCase();
  return (host) => {
    const [, v6, name = v6 ?? ''] =
      /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?$/i.exec(host ?? '') ?? [];
    const plain = name.toLowerCase();
    if (plain === '') return false;
    if (isLoopback(plain) || plain === own || isCertified(plain)) return true;
    return !onLoopback && isIP(plain) !== 0;
  };
}
