/** Everything that takes long the first time on a machine, before the clock of any test runs. */
import { openPostgresTemplate } from './postgres-template.ts';
import { provideServer } from './provide-server.ts';
import { userInsteadOfRoot } from './server-user.ts';

/** One after the other: apt has room for one. */
export async function installServers(): Promise<void> {
  await provideServer('redis');
  const postgres = await provideServer('postgres');
  if (postgres.way === 'program') openPostgresTemplate(postgres.program, userInsteadOfRoot());
}
