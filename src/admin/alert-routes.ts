/** Whom the gateway tells when something is wrong, and whether they can be told. */
import { z } from 'zod';
import type { Alerts } from '../alerts/alerts.ts';
import { gatherReceivers } from './gathered-views.ts';
import { type AdminRoute, adminRoute, api } from './route.ts';

export const receiversShape = z.object({
  receivers: z.array(
    z.object({
      name: z.string().describe('Its kind and host; never the whole address.'),
      waiting: z.int().describe('Notices that it has not taken yet.'),
      delivered: z.int(),
      lost: z.int().describe('Notices that were given up.'),
      disabled: z.boolean().describe('It wants no more; a reload of the configuration asks it again.'),
      lastTrouble: z.string().describe('Why the last attempt came to nothing; empty when it did not.'),
    }),
  ),
});

export const alertTestShape = z.object({
  receivers: z.array(
    z.object({
      name: z.string(),
      taken: z.boolean(),
      says: z.string().describe('Why it was not taken; empty when it was.'),
    }),
  ),
});

/** The ones of now: a reload changes who is told, not what tells them. */
export function alertRoutes(alerts: Alerts): readonly AdminRoute[] {
  const plain = { scope: 'gateway', tag: 'alerts', example: {} } as const;
  return [
    adminRoute({
      ...plain,
      name: 'alerts.list',
      method: 'GET',
      path: `${api}/alerts`,
      permission: 'alerts:read',
      summary: 'Who is told when something is wrong, and what became of it',
      answers: { 200: receiversShape },
      handle: () => ({ status: 200, body: { receivers: alerts.receivers.map((state) => ({ ...state })) } }),
      gather: async ({ own, answers }) => {
        const all = [await own(), ...answers.map(({ answer }) => answer)];
        return {
          status: 200,
          body: gatherReceivers(all.flatMap((told) => ('body' in told ? [told.body] : []))),
        };
      },
    }),
    adminRoute({
      ...plain,
      name: 'alerts.test',
      method: 'POST',
      path: `${api}/alerts/test`,
      permission: 'alerts:write',
      summary: 'Sends a test to every receiver, and says what each of them answered',
      answers: { 200: alertTestShape },
      handle: async () => {
        const tested = await alerts.test();
        const receivers = tested.map(({ name, attempt }) => ({
          name,
          taken: attempt.outcome === 'taken',
          says: attempt.outcome === 'taken' ? '' : attempt.says,
        }));
        return { status: 200, body: { receivers } };
      },
    }),
  ];
}
