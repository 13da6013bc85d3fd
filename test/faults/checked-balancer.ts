/** A load balancer that asks each gateway for `/livez`, as those do that check, and sends nothing where it hears nothing. */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface CheckedBalancer {
  readonly url: string;
  isIn(port: number): boolean;
}

const everyMs = 100;
/** Who has not answered by then is left out until it does. */
const answerWithinMs = 1_000;

export async function openCheckedBalancer(
  t: Pick<TestContext, 'after'>,
  ports: readonly number[],
): Promise<CheckedBalancer> {
  const out = new Set<number>();
  let over = false;
  let turn = 0;
  const check = async (port: number) => {
    const lives = await fetch(`http://127.0.0.1:${port}/livez`, {
      signal: AbortSignal.timeout(answerWithinMs),
    }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (lives) out.delete(port);
    else out.add(port);
    if (!over) setTimeout(() => void check(port), everyMs);
  };
  const server = createServer((incoming, response) => {
    const answering = ports.filter((port) => !out.has(port));
    // As they do: where none answers in time the machine is busy, and any is better than none.
    const among = answering.length > 0 ? answering : ports;
    turn += 1;
    const { method, url: path, headers } = incoming;
    const port = among[turn % among.length];
    const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.once('error', () => response.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  for (const port of ports) await check(port);
  t.after(() => {
    over = true;
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isIn: (port) => !out.has(port),
  };
}
