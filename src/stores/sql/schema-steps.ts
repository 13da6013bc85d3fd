/** Every step of the schema, in order. A list and not a folder that is read: a bundle has no folder. */
import { ledgerStep } from './migrations/0001-ledger.ts';
import { replaysStep } from './migrations/0002-replays.ts';
import { sealedStep } from './migrations/0003-sealed.ts';
import { directoryStep } from './migrations/0004-directory.ts';
import { auditStep } from './migrations/0005-audit.ts';
import { configVersionsStep } from './migrations/0006-config-versions.ts';
import { ledgerHoursStep } from './migrations/0007-ledger-hours.ts';
import { privacyStep } from './migrations/0008-privacy.ts';
import { ledgerMonthsStep } from './migrations/0009-ledger-months.ts';
import { ledgerFactsStep } from './migrations/0010-ledger-facts.ts';
import { vouchedAddressesStep } from './migrations/0011-vouched-addresses.ts';
import { gatewaysAloneStep } from './migrations/0012-gateways-alone.ts';
import type { SchemaStep } from './schema-step.ts';

export const schemaSteps: readonly SchemaStep[] = [
  ledgerStep,
  replaysStep,
  sealedStep,
  directoryStep,
  auditStep,
  configVersionsStep,
  ledgerHoursStep,
  privacyStep,
  ledgerMonthsStep,
  ledgerFactsStep,
  vouchedAddressesStep,
  gatewaysAloneStep,
];
