// The load generator as a process of its own, so that its work is on no contestant's and on no clock's account.
// Started with `ipc`; answers each order with its result.
import { type HeldConnections, type HoldOptions, holdConnections } from '../src/bench/hold.ts';
import { type LoadOptions, runLoad } from '../src/bench/load.ts';

export type Order =
  | { readonly kind: 'load'; readonly options: LoadOptions }
  | { readonly kind: 'hold'; readonly options: HoldOptions }
  /** Closes what is held and tells what became of it. */
  | { readonly kind: 'release' };

let held: HeldConnections | undefined;

async function obey(order: Order): Promise<unknown> {
  if (order.kind === 'load') return await runLoad(order.options);
  if (order.kind === 'hold') {
    held = await holdConnections(order.options);
    return { opened: held.opened, failed: held.failed };
  }
  const lost = held?.lost ?? 0;
  held?.close();
  held = undefined;
  return { lost };
}

process.on('message', (order: Order) => {
  obey(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
