/** For connections to what a stranger named: a name that leads anywhere but to the internet leads nowhere. */
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';

/** With a code, as what the system says of addresses has one. */
class NotPublicError extends Error {
  readonly code = 'ENOTPUBLIC';

  constructor(host: string) {
    super(`${host} is not at a public address`);
    this.name = 'NotPublicError';
  }
}

/** Of an address in place of a name, which nobody looks up. */
export function refusalOf(host: string): Error | undefined {
  return isIP(host) === 0 || isPublicAddress(host) ? undefined : new NotPublicError(host);
}

/** What is connected to is what was checked: nobody looks the name up again. */
export function publicAlone(lookup: LookupFunction): LookupFunction {
  return (host, options, callback) =>
    lookup(host, options, (error, found, family) => {
      const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address);
      // One that is not public among others that are means that someone plays with the name.
      if (error === null && !addresses.every(isPublicAddress)) callback(new NotPublicError(host), found);
      else callback(error, found, family);
    });
}
