/** Speaks to the admin API of a running gateway: found by flags, environment or data folder. */
import type { z } from 'zod';
import { problemDetailsShape } from '../admin/shapes.ts';
import { type Trust, trusting } from '../net/own-certificate.ts';
import { type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { Trouble } from './trouble.ts';
import { findGateway, readSecret, readTrust } from './whereabouts.ts';

export interface AdminPlace {
  readonly url: string;
  readonly token: string;
  /** What starts a gateway, for when none answers. */
  readonly startBy: string;
  /** Where it is our own and speaks TLS. */
  readonly trust?: Trust;
}

const askMs = 30_000;
/** Until the last byte of what comes in pieces. */
const streamMs = 3_600_000;

export async function findAdmin(invocation: Invocation, given: Given): Promise<AdminPlace> {
  const startBy = invocation.typed('serve');
  const askedUrl = textOption(given, 'admin');
  const askedToken = textOption(given, 'token') ?? invocation.environment['MILLRACE_ADMIN_TOKEN'];
  if (askedUrl !== undefined && askedToken !== undefined)
    return { url: askedUrl, token: askedToken, startBy };
  const { folder, admin, config } = await findGateway(invocation, given);
  const url = askedUrl ?? admin;
  const token = askedToken ?? config?.admin.token?.reveal() ?? (await readSecret(folder, 'admin-token'));
  const trust = url === admin ? await readTrust(folder, 'admin', url) : {};
  if (token !== undefined) return { url, token, startBy, ...trust };
  throw new Trouble(
    `no gateway has run with the data folder ${folder}: start it with \`${startBy}\`, or name it with --admin and --token`,
  );
}

interface Question<Shape extends z.ZodType> {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  /** Of which version a change is meant; `*` for any. */
  readonly ifMatch?: string;
  readonly shape: Shape;
  /** Longer than usual, where others have to be asked first. */
  readonly waitMs?: number;
  /** Statuses whose answer is read as well as a success. */
  readonly alsoRead?: readonly number[];
}

export async function askAdmin<Shape extends z.ZodType>(
  place: AdminPlace,
  question: Question<Shape>,
): Promise<z.output<Shape>> {
  const answer = await fetchAdmin(place, question);
  const body: unknown = await answer.json().catch(() => undefined);
  if (!answer.ok && question.alsoRead?.includes(answer.status) !== true) {
    throw new Trouble(refusalOf(answer.status, body, place.url), { answered: true });
  }
  const parsed = question.shape.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Trouble(`what answers at ${place.url} is not the admin API of this version of Millrace`);
}

/** For what is too much to be held. */
export async function openAdminStream(
  place: AdminPlace,
  { path, body }: { readonly path: string; readonly body: object },
): Promise<AsyncIterable<Uint8Array>> {
  const answer = await fetchAdmin(place, { method: 'POST', path, body, waitMs: streamMs });
  if (answer.ok && answer.body !== null) return answer.body;
  const refusal: unknown = await answer.json().catch(() => undefined);
  throw new Trouble(refusalOf(answer.status, refusal, place.url), { answered: true });
}

async function fetchAdmin(
  place: AdminPlace,
  question: Omit<Question<z.ZodType>, 'shape'>,
): Promise<Response> {
  const url = `${place.url.replace(/\/+$/, '')}/admin/api/v1/${question.path}`;
  return await fetch(url, {
    method: question.method ?? 'GET',
    headers: {
      authorization: `Bearer ${place.token}`,
      ...(question.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(question.ifMatch === undefined ? {} : { 'if-match': question.ifMatch }),
    },
    ...(question.body === undefined ? {} : { body: JSON.stringify(question.body) }),
    signal: AbortSignal.timeout(question.waitMs ?? askMs),
    redirect: 'error',
    ...(await trusting(place.trust)),
  }).catch((thrown: unknown) => {
    throw new Trouble(unreachable(place, thrown), { cause: thrown });
  });
}

function unreachable({ url, startBy }: AdminPlace, thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return `no gateway answers at ${url}${code}: start one with \`${startBy}\`, or name it with --admin`;
}

function refusalOf(status: number, body: unknown, url: string): string {
  const problem = problemDetailsShape.safeParse(body);
  if (!problem.success) return `what answers at ${url} is not the admin API of Millrace (status ${status})`;
  return `the gateway at ${url} refuses: ${problem.data.detail}`;
}
