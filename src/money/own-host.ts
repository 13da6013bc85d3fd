/** Whether a host can only be a machine of the operator's, by its address or by what names of its kind may stand for. */
import { BlockList, isIP } from 'node:net';

const own = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const) {
  own.addSubnet(network, prefix);
}
for (const [network, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  own.addSubnet(network, prefix, 'ipv6');
}

/** Names without a dot, and those below the domains that the internet's own rules keep for private use. */
const ownName = /^[^.]+$|\.(?:local|internal|localhost|home\.arpa)$/;

export function isOwnHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const family = isIP(host);
  return family === 0 ? ownName.test(host) : own.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
