/** Clients of several gateways who may do what they ask, and never get anything but their answer. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

export interface KnownCallers {
  /** How many were answered so far. */
  answered(): number;
  /** No more requests; resolves with the ids of all that were answered, or rejects when somebody got something else. */
  end(): Promise<readonly string[]>;
}

const clientsOfEach = 2;
const pauseMs = 20;

/** The simulator answers them. */
export function keepAsking(gateways: readonly { readonly url: string }[], key: string): KnownCallers {
  const ids: string[] = [];
  const others: string[] = [];
  let asking = true;
  const ask = async (url: string) => {
    while (asking) {
      const reply = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'simulator',
          max_tokens: 4,
          messages: [{ role: 'user', content: 'hi' }],
        }),
      });
      const text = await reply.text();
      if (reply.status === 200) ids.push(reply.headers.get('x-millrace-id') ?? '');
      else others.push(text);
      await pause(pauseMs);
    }
  };
  const all = Promise.all(
    gateways.flatMap(({ url }) => Array.from({ length: clientsOfEach }, () => ask(url))),
  );
  return {
    answered: () => ids.length,
    end: async () => {
      asking = false;
      await all;
      assert.deepEqual(others, [], 'who is known is served all the time');
      return ids;
    },
  };
}
