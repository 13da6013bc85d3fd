/** The only replica there is, speaking to itself. */
import type { Presence, PresenceListener } from '../../core/ports.ts';
import { checkedMessage } from '../presence-message.ts';

export function createMemoryPresence(): Presence {
  const channels = new Map<string, Set<PresenceListener>>();
  return {
    announce: () => Promise.resolve(),
    count: () => 1,
    publish: (channel, message) => {
      const text = checkedMessage(message);
      // Later, as over a network: nobody may count on having been heard when this returns.
      queueMicrotask(() => {
        for (const listener of channels.get(channel) ?? []) listener.message(text);
      });
      return Promise.resolve(true);
    },
    subscribe: (channel, listener) => {
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && channels.get(channel) === listeners) channels.delete(channel);
      };
    },
    close: () => {
      channels.clear();
      return Promise.resolve();
    },
  };
}
