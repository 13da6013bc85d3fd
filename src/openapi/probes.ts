/** What orchestrators and Prometheus ask, described. */
import { z } from 'zod';
import type { DescribedRoutes } from './described-route.ts';

export const dependencyReport = z.object({
  status: z.enum(['well', 'degraded']),
  dependencies: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['there', 'away']),
      since: z.iso.datetime(),
      note: z.string().optional().meta({ description: 'What is wrong with it although it is there.' }),
    }),
  ),
  /** How many are in each state. */
  upstreams: z.object({ up: z.int(), down: z.int(), unknown: z.int() }),
});

export const probeRoutes: DescribedRoutes = {
  livez: {
    summary: 'Whether the process lives',
    answer: { type: 'text/plain', text: '`ok`' },
    example: {},
  },
  readyz: {
    summary: 'Whether it takes work',
    answer: z.object({
      status: z.enum(['ready', 'starting', 'full', 'draining']),
      degraded: z.array(z.string()).meta({ description: 'What it does without meanwhile.' }),
    }),
    otherwise: { 503: 'It does not: it is `starting`, `full` or `draining`.' },
    example: {},
  },
  health: {
    summary: 'Whether it takes work and some upstream is there',
    answer: z.object({
      status: z.enum(['healthy', 'unhealthy']),
      upstreams: z.array(z.object({ name: z.string(), state: z.enum(['unknown', 'up', 'down']) })),
    }),
    otherwise: { 503: 'It does not, or every upstream is known to be down.' },
    example: {},
  },
  dependencies: {
    summary: 'What it stands on and since when; 404 where metrics are for another listener',
    answer: dependencyReport,
    example: {},
  },
  metrics: {
    summary: 'Counters for Prometheus; 404 where they are for another listener',
    answer: { type: 'text/plain', text: 'The text format of Prometheus.' },
    example: {},
  },
  'documents.openapi': {
    summary: 'This document',
    answer: z.looseObject({ openapi: z.string() }),
    example: {},
  },
  'documents.docs': {
    summary: 'The same for people, to try',
    answer: { type: 'text/html', text: 'A page.' },
    example: {},
  },
  'documents.redoc': {
    summary: 'The same for people, to read',
    answer: { type: 'text/html', text: 'A page.' },
    example: {},
  },
};
