import { createAddressList } from './address-list.ts';

/** What is no network lets nobody in: the directory may hold what another version took. */
export function compileAddresses(addresses: readonly string[]): (address: string) => boolean {
  try {
    const list = createAddressList(addresses);
    return (address) => list.has(address);
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    return () => false;
  }
}
