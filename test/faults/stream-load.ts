/** Clients that read one stream after the other, and note how each of them ended. */
import type { Way } from './shared-slots-rig.ts';

export interface StreamLoad {
  /** `done` with its end marker; else its last event, a status, or that it broke off. */
  readonly ends: readonly string[];
  /** How many have had their first bytes. */
  readonly begun: number;
  stop(): Promise<void>;
}

export function readStreams(way: Way, clients: number): StreamLoad {
  const ends: string[] = [];
  let begun = 0;
  let stopped = false;
  const read = async () => {
    while (!stopped) {
      const end = await readOne(way, () => {
        begun += 1;
      });
      ends.push(end);
    }
  };
  const all = Array.from({ length: clients }, read);
  return {
    ends,
    get begun() {
      return begun;
    },
    stop: async () => {
      stopped = true;
      await Promise.all(all);
    },
  };
}

async function readOne({ url, key }: Way, onBegun: () => void): Promise<string> {
  try {
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
    });
    if (reply.status !== 200) return `${reply.status}`;
    onBegun();
    const text = await reply.text();
    const events = text.split('\n\n').filter((event) => event !== '');
    const last = events.at(-1) ?? 'nothing';
    return last === 'data: [DONE]' && !text.includes('"error"') ? 'done' : events.slice(-2).join(' ');
  } catch (thrown) {
    return `broke off: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
