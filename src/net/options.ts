import { isIP } from 'node:net';
import { z } from 'zod';
import { bytes, milliseconds, name, orText, secret } from '../lib/options.ts';
import { parseNetwork } from './address-list.ts';
import { parseListenAddress } from './listen-address.ts';
import { parseUpstreamUrl } from './upstream-url.ts';

const address = z.string().transform((text, context) => {
  const parsed = parseListenAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'must be HOST:PORT, such as 127.0.0.1:7070 or [::1]:7070' });
  return z.NEVER;
});

export const network = z.string().superRefine((text, context) => {
  const parsed = parseNetwork(text);
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.reason });
});

const proxies = network.refine(
  (text) => !text.endsWith('/0'),
  'would let whoever connects name any address as its own',
);

const origin = z
  .string()
  .refine(
    isOrigin,
    'must be an origin as browsers send it, such as https://app.example or http://localhost:3000, or `*`',
  );

const networksMax = 1_024;
const originsMax = 256;

/** For either listener. */
const tlsOptions = z.strictObject({
  cert: z
    .string()
    .min(1)
    .describe('The file with the certificate in PEM, and after it those that lead to a known authority.'),
  key: z.string().min(1).describe('The file with its private key in PEM, without a passphrase.'),
  minVersion: z.enum(['1.2', '1.3']).default('1.2').describe('The oldest version of TLS that is spoken.'),
  hstsS: z
    .int()
    .min(0)
    .max(63_072_000)
    .default(31_536_000)
    .describe(
      'For how many seconds browsers come back over TLS alone, to every port of the same name; 0 asks nothing of them.',
    ),
  redirectFrom: address
    .optional()
    .describe('Where those who come without TLS are sent on from, as HOST:PORT; nowhere when absent.'),
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
  connectionsMax: z.int().min(1).max(1_000_000).default(16_384).describe('Client connections open at once.'),
  connectionsPerAddress: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_024)
    .describe(
      'Of these, from one address (with IPv6: from one /64). Loopback and trusted proxies may have all there are.',
    ),
  bodyBytesMax: bytes.prefault('10MiB').describe('The largest body of a request.'),
  blobBytesMax: bytes.prefault('64GiB').describe('The largest blob that an operator may upload for a model.'),
  tls: tlsOptions
    .optional()
    .describe('TLS on this listener. New certificates are taken over as their files change.'),
  docs: z
    .boolean()
    .default(true)
    .describe(
      'Whether `/openapi.json`, `/docs` and `/redoc` tell everybody what can be asked here, without a key.',
    ),
  allow: z
    .array(network)
    .max(networksMax)
    .default([])
    .describe('The addresses and networks that may connect, such as 10.0.0.0/8. Everyone when empty.'),
  trustedProxies: z
    .array(proxies)
    .max(networksMax)
    .default([])
    .describe('The proxies that are believed when they tell whom they speak for.'),
  cors: z
    .array(origin)
    .max(originsMax)
    .refine((origins) => origins.length < 2 || !origins.includes('*'), 'names `*` and others beside it')
    .default([])
    .describe(
      'The web pages that may call, by their origin; `*` alone means all. Keys are asked for all the same.',
    ),
});

export const drainOptions = z.strictObject({
  preStopMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(5_000)
    .describe(
      'How long a gateway that was told to stop goes on taking work, so that who sends it here hears of `/readyz` first.',
    ),
  requestsMs: milliseconds.default(30_000).describe('After that: how long whole answers may take to end.'),
  streamsMs: milliseconds
    .default(30_000)
    .describe('After that: how long streams may take. Then they end with an event that says why.'),
});

export const adminOptions = z.strictObject({
  listen: address
    .prefault('127.0.0.1:7071')
    .describe('Where the admin API and `/metrics` answer, as HOST:PORT.'),
  token: secret
    .optional()
    .describe('What the admin API asks for, 32 characters or more. Made and kept in `data` when absent.'),
  connectionsMax: z.int().min(1).max(65_536).default(256).describe('Connections open to it at once.'),
  changesPerMinute: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_200)
    .describe(
      'So much may one caller change in a minute, all of it at once or evenly; a user with several keys is one caller. Past it: 429.',
    ),
  reportsAtOnce: z
    .int()
    .min(1)
    .max(1_000)
    .default(8)
    .describe('So many reports and exports may be made for one caller at once. Past it: 429.'),
  tls: tlsOptions
    .optional()
    .describe('TLS on this listener. New certificates are taken over as their files change.'),
  allow: z
    .array(network)
    .max(networksMax)
    .default([])
    .describe('The addresses and networks that may connect. Everyone when empty.'),
});

const dnsServersMax = 8;

export const dnsOptions = z.strictObject({
  servers: z
    .array(
      z.string().refine(isNameServer, 'must be an IP address, or one with a port: 10.0.0.2:53, [::1]:53'),
    )
    .max(dnsServersMax)
    .default([])
    .describe(
      'Name servers to ask, as IP or IP:PORT. When absent: the system’s, its hosts file and its other ways.',
    ),
});

function isNameServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([\d.]+)):\d{1,5}$/.exec(text) ?? [];
  return isIP(bracketed ?? '') === 6 || isIP(plain ?? '') === 4;
}

/** As browsers send it: never with a path, nor with the port that the scheme implies. */
function isOrigin(text: string): boolean {
  if (text === '*') return true;
  if (!/^[a-z][a-z0-9+.-]{1,31}:\/\/[^\s/?#@,*\\]{1,300}$/.test(text)) return false;
  // Schemes of applications and browser extensions have origins that only they define.
  if (!/^https?:/.test(text)) return true;
  return URL.canParse(text) && new URL(text).origin === text;
}

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
      'Requests it works on at once. When absent: what llama.cpp tells; otherwise what is learnt from how soon answers ' +
        'begin, from 1 up to 16 for Ollama and from 16 up to 64 for others.',
    ),
  slotsPerModel: z
    .int()
    .min(1)
    .max(1_024)
    .optional()
    .describe(
      'How many of its requests may be for one model; all models together have its `slots`, where both are given.',
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
  exporter: url
    .optional()
    .describe(
      'The page that an exporter for Prometheus beside it shows (node_exporter, dcgm-exporter, nvidia_gpu_exporter), such ' +
        'as http://gpu-a:9400/metrics: `millrace ps` shows by it how busy the machine is.',
    ),
  zone: name.optional().describe('Where it stands: upstreams in the zone of the gateway are asked first.'),
};
