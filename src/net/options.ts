import { z } from 'zod';
import { bytes, milliseconds, orText, secret } from '../lib/options.ts';
import { parseListenAddress } from './listen-address.ts';
import { parseUpstreamUrl } from './upstream-url.ts';

const address = z.string().transform((text, context) => {
  const parsed = parseListenAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'must be HOST:PORT, such as 127.0.0.1:7070 or [::1]:7070' });
  return z.NEVER;
});

const url = z.string().transform((text, context) => {
  const parsed = parseUpstreamUrl(text);
  if (parsed.ok) return parsed.url;
  context.addIssue({ code: 'custom', message: parsed.reason });
  return z.NEVER;
});

/** Set by the transport itself, for every request. */
const ownHeaders =
  /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|keep-alive|expect)$/i;

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'is not the name of a header')
  .refine((text) => !ownHeaders.test(text), 'is a header that the gateway sets itself');

export const listenOptions = orText('address', {
  address: address
    .prefault('127.0.0.1:7070')
    .describe('Where clients connect, as HOST:PORT. Loopback alone unless it says otherwise.'),
  keepAliveMs: milliseconds
    .default(65_000)
    .describe('How long an idle client connection stays open. Longer than the 60 s of a proxy in front.'),
  headersMs: milliseconds.default(10_000).describe('How long a client may take to send its headers.'),
  bodyMs: milliseconds.default(60_000).describe('How long a client may take to send a body.'),
  stallMs: milliseconds
    .default(60_000)
    .describe('How long a client may leave an answer unread before its connection is closed.'),
  drainMs: milliseconds
    .default(30_000)
    .describe('How long requests in flight may take to end when stopping.'),
  connectionsMax: z.int().min(1).max(1_000_000).default(16_384).describe('Client connections open at once.'),
  bodyBytesMax: bytes.prefault('10MiB').describe('The largest body of a request.'),
  blobBytesMax: bytes.prefault('64GiB').describe('The largest blob that an operator may upload for a model.'),
});

export const adminOptions = z.strictObject({
  listen: address
    .prefault('127.0.0.1:7071')
    .describe('Where the admin API and `/metrics` answer, as HOST:PORT.'),
  token: secret
    .optional()
    .describe('What the admin API asks for, 32 characters or more. Made and kept in `data` when absent.'),
});

/** For every upstream that is reached over the network. */
export const connectionOptions = {
  url: url.describe('The address of the server: http or https, without credentials or query.'),
  key: secret.optional().describe('Sent as a bearer token: `env:NAME`, `file:PATH` or the key itself.'),
  headers: z
    .record(headerName, secret)
    .default({})
    .describe('Headers to send with every request. Their values are treated as secrets.'),
  slots: z
    .int()
    .min(1)
    .max(65_536)
    .optional()
    .describe(
      'Requests it works on at once. When absent: what llama.cpp tells, up to 64; 1 for Ollama; 64 for others.',
    ),
  connections: z
    .int()
    .min(1)
    .max(65_536)
    .default(100)
    .describe('Connections open to it at once; at least 4 more than its slots, whatever stands here.'),
  idlePerHost: z.int().min(0).max(65_536).default(20).describe('Idle connections kept open to it.'),
  keepAliveMs: milliseconds.default(30_000).describe('How long an idle connection to it stays open.'),
  connectMs: milliseconds.default(5_000).describe('How long connecting may take.'),
};
