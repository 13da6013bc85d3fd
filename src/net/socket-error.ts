/** What went wrong on the way to an upstream, in our words. The cause keeps the runtime's own. */
import type { FailureCode } from '../core/failure.ts';

interface Description {
  readonly code: FailureCode;
  readonly says: string;
}

/** Our own shortage: another upstream would not help, and none of them is to blame. */
const outOfSockets: Description = {
  code: 'dependency_unavailable',
  says: 'this gateway has no socket left for an upstream; its limit of open files may be too low',
};

const byCode: Readonly<Record<string, Description>> = {
  EMFILE: outOfSockets,
  ENFILE: outOfSockets,
  ENOBUFS: outOfSockets,
  EADDRNOTAVAIL: outOfSockets,
  // A header or path that cannot be sent is ours: no server has seen it.
  UND_ERR_INVALID_ARG: { code: 'internal', says: 'the gateway could not form its request to the upstream' },
  UND_ERR_CONNECT_TIMEOUT: { code: 'connect_timeout', says: 'the upstream took no connection in time' },
  ETIMEDOUT: { code: 'connect_timeout', says: 'the upstream took no connection in time' },
  ECONNREFUSED: { code: 'connect_failed', says: 'the upstream refuses connections: is it running?' },
  ENOENT: { code: 'connect_failed', says: "the upstream's socket does not exist: is it running?" },
  ENOTFOUND: { code: 'connect_failed', says: "the upstream's host name is not known" },
  EMETADATA: {
    code: 'connect_failed',
    says: "the upstream's host name leads to a cloud's metadata service, which is never called",
  },
  ENOTPUBLIC: {
    code: 'connect_failed',
    says: "the upstream's address is not public: an owner has to apply it, or the file on disk to name it",
  },
  EAI_AGAIN: { code: 'connect_failed', says: "the upstream's host name could not be looked up" },
  EHOSTUNREACH: { code: 'connect_failed', says: "the upstream's host cannot be reached" },
  ENETUNREACH: { code: 'connect_failed', says: "the upstream's network cannot be reached" },
  UND_ERR_CLOSED: { code: 'connect_failed', says: 'the way to the upstream was closed by a reload' },
  UND_ERR_DESTROYED: { code: 'connect_failed', says: 'the way to the upstream was closed by a reload' },
  UND_ERR_HEADERS_OVERFLOW: { code: 'bad_upstream_response', says: "the upstream's headers are too large" },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: {
    code: 'upstream_cut',
    says: 'the upstream sent less than it promised',
  },
};

const tlsCode =
  /^(?:CERT_|CRL_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_|EPROTO)/;

/** How far the request had come. */
export type Reached = 'connecting' | 'sent' | 'answered';

export function describeSocketError(error: Error, reached: Reached): Description {
  const code = codeOf(error);
  const known = byCode[code];
  if (known !== undefined) return known;
  if (tlsCode.test(code)) {
    return { code: 'tls_error', says: `the upstream's TLS certificate or handshake was refused (${code})` };
  }
  if (isForeign(error)) {
    return { code: 'bad_upstream_response', says: 'the upstream does not answer in HTTP' };
  }
  if (reached === 'connecting') {
    return {
      code: 'connect_failed',
      says: `the upstream could not be reached${code === '' ? '' : ` (${code})`}`,
    };
  }
  return reached === 'answered'
    ? { code: 'upstream_cut', says: 'the upstream closed the connection in the middle of its answer' }
    : { code: 'upstream_cut', says: 'the upstream closed the connection without an answer' };
}

/** The parser's errors have no code. An end in the middle of an answer is one too, and means a cut. */
function isForeign(error: Error): boolean {
  return error.name === 'HTTPParserError' && !error.message.includes('EOF');
}

function codeOf(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && code !== 'UND_ERR_SOCKET') return code;
  // Several addresses were tried: the first one's reason stands for all.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return codeOf(error.errors[0]);
  return typeof code === 'string' ? code : '';
}
