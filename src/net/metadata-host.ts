/** The places at which clouds hand out credentials to whoever asks from the inside. */
import { isIP } from 'node:net';
import { createAddressList } from './address-list.ts';

const names = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data']);
const addresses = createAddressList([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
]);

/** Of a host as a URL has it after parsing. */
export function isMetadataHost(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  return isIP(host) === 0 ? names.has(host) : addresses.has(host);
}
