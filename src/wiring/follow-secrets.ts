/** Secrets change where they lie: they are read again now and then, and at once when one in the store was changed. */
import type { Configuration } from '../config/configuration.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Gateway } from './gateway.ts';
import type { Reloader } from './reload.ts';

export interface FollowSecretsOptions {
  readonly gateway: Gateway;
  readonly reloader: Reloader;
  readonly configuration: Pick<Configuration, 'refersElsewhere'>;
  readonly clock: Clock;
}

/** Between replicas: one of them has changed a secret in the store. */
export const secretsChannel = 'secrets';

/** Until what it gives is called. */
export function followSecrets({ gateway, reloader, configuration, clock }: FollowSecretsOptions): () => void {
  let timer: Timer | undefined;
  let stopped = false;
  const read = async () => {
    if (configuration.refersElsewhere) await reloader.reload('secrets');
  };
  const again = () => {
    timer = clock.after(gateway.snapshot.config.secrets.refreshMs, () => {
      void read().finally(() => {
        if (!stopped) again();
      });
    });
  };
  again();
  const unsubscribe = gateway.lasting.shared.presence.subscribe(secretsChannel, {
    message: () => void read(),
    missed: () => void read(),
  });
  return () => {
    stopped = true;
    timer?.cancel();
    unsubscribe();
  };
}
