/** Which equal requests share a call, by the configuration. */
import type { Config } from '../config/schema.ts';
import type { Pricing } from '../money/price-exchange.ts';
import type { ShareOptions } from '../pipeline/share.ts';
import type { Lasting } from './lasting.ts';

export function createSharing(
  { clock }: Lasting,
  { sharing, models }: Config,
  pricing: Pricing,
): ShareOptions {
  return {
    ...sharing,
    clock,
    modeOf: (model) => (Object.hasOwn(models, model) ? models[model]?.sharing : undefined) ?? 'auto',
    priceShared: pricing.priceShared,
  };
}
