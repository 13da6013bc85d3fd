/** Reads the body and what it means. Everything hostile in it is refused here, before it costs anything (G12). */
import type { Authenticated, Parsed, Principal } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Stage } from '../core/stage.ts';
import { refuseDangerous } from '../identity/dangerous-parameters.ts';
import { reachOf } from '../identity/permissions.ts';
import { parseJsonBody } from '../protocol/json-body.ts';

export interface ParseOptions {
  /** Parameters that the operator lets through although they can hurt an engine. */
  readonly allowParameters: ReadonlySet<string>;
  /** Of the people who run the gateway. */
  readonly homeTenant: string;
}

export function parse(options: ParseOptions): Stage<Authenticated, Parsed> {
  return (next) => (exchange) => {
    const { route, incoming } = exchange;
    if (!takesJson(exchange)) return Promise.reject(wrongType(exchange));
    return incoming.readBody(route.limits).then((bytes) => next(understood(options, exchange, bytes)));
  };
}

function understood(options: ParseOptions, exchange: Authenticated, bytes: Uint8Array): Parsed {
  const { route, trail } = exchange;
  const { endpoint } = route;
  if (endpoint === undefined) throw new TypeError(`the route ${route.name} neither answers nor calls`);
  trail.bytesIn = bytes.length;
  const body = parseJsonBody(bytes);
  refuseDangerous(body, {
    allowed: options.allowParameters,
    mayOperate: () => runsGateway(exchange.principal, options.homeTenant),
  });
  const call = endpoint.parse(body);
  trail.callKind = call.kind;
  trail.modelAsked = call.model;
  trail.stream = call.stream;
  return { ...exchange, call, endpoint };
}

function runsGateway({ role, tenant }: Principal, homeTenant: string): boolean {
  return tenant === homeTenant && reachOf(role, 'operate') !== undefined;
}

/** Ollama's own documentation calls it with curl's default type, so its dialect and the simple one take any. */
function takesJson(exchange: Authenticated): boolean {
  if (exchange.route.voice.dialect !== 'openai') return true;
  const type = exchange.incoming.headers['content-type'];
  return typeof type !== 'string' || type === 'application/json' || json.test(type);
}

const json = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

function wrongType(exchange: Authenticated) {
  const type = String(exchange.incoming.headers['content-type']).slice(0, 100);
  return fail('unsupported_media_type', `the body must be application/json, not ${type}`);
}
