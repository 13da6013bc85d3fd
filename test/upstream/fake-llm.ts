// A fake LLM server that speaks every dialect and misbehaves on demand. Nothing of the gateway is used here.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Behaviour, defaults } from './behaviour.ts';
import { Exchange } from './exchange.ts';
import { fieldsOf, textOf } from './json.ts';
import { Library } from './library.ts';
import { Memory } from './memory.ts';
import { ollamaLibraryRoutes } from './ollama-library-replies.ts';
import { ollamaFailure, ollamaRoutes } from './ollama-replies.ts';
import { openaiFailure, openaiRoutes } from './openai-replies.ts';
import { type RecordedRequest, Recording } from './recording.ts';
import { type Reply, wholeReply } from './reply.ts';
import type { Routes } from './route.ts';
import { Slots } from './slots.ts';
import { deliver } from './wire.ts';

export interface FakeLlm {
  readonly url: string;
  readonly port: number;
  /** Every request so far, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** The models that it has loaded so far, each as often as it was; none where `residentMax` is `all`. */
  readonly loads: readonly string[];
  /** Names of the models in its memory. */
  readonly residents: readonly string[];
  /** Changes the given fields for all requests from now on. */
  behave(next: Partial<Behaviour>): void;
  /** Gives each of the next requests that match its `only` one of these behaviours, in order. */
  scriptNext(...behaviours: readonly Partial<Behaviour>[]): void;
  /** The next complete request that matches and was not handed out before; waits for it where needed. */
  waitForRequest(matches?: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  /** Settles when the connection that carried the request is gone. */
  waitForClose(request: RecordedRequest): Promise<void>;
  openConnections(): number;
  close(): Promise<void>;
}

export async function openFakeLlm(
  behaviour: Partial<Behaviour> = {},
  port = 0,
  host = '127.0.0.1',
): Promise<FakeLlm> {
  const server = new FakeServer(behaviour);
  await server.listen(port, host);
  return server;
}

class FakeServer implements FakeLlm {
  readonly #server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
  readonly #recording = new Recording();
  readonly #slots = new Slots();
  readonly #library = new Library([]);
  readonly #memory = new Memory();
  readonly #closing = new AbortController();
  /** Open connections, each with the requests it has carried. */
  readonly #connections = new Map<Socket, Exchange[]>();
  readonly #scripts: Partial<Behaviour>[] = [];
  #behaviour: Behaviour = defaults;
  #serial = 0;

  constructor(behaviour: Partial<Behaviour>) {
    this.behave({ models: defaults.models, ...behaviour });
    this.#server.on('connection', (socket) => this.#connect(socket));
    // A failure of this server must fail the test that uses it, so its rejections are left unhandled.
    this.#server.on('request', (request, response) => void this.#serve(request, response));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get requests(): readonly RecordedRequest[] {
    return this.#recording.requests;
  }

  get loads(): readonly string[] {
    return this.#memory.loads;
  }

  get residents(): readonly string[] {
    return this.#memory.residents().map(({ name }) => name);
  }

  async listen(port: number, host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
  }

  behave(next: Partial<Behaviour>): void {
    this.#behaviour = merge(this.#behaviour, next);
    this.#memory.rules = this.#behaviour;
    if (next.models !== undefined) this.#library.reset(next.models);
  }

  scriptNext(...behaviours: readonly Partial<Behaviour>[]): void {
    this.#scripts.push(...behaviours);
  }

  waitForRequest(matches?: (request: RecordedRequest) => boolean): Promise<RecordedRequest> {
    return this.#recording.waitForRequest(matches);
  }

  waitForClose(request: RecordedRequest): Promise<void> {
    return this.#recording.waitForClose(request);
  }

  openConnections(): number {
    return this.#connections.size;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections.keys()) socket.destroy();
    await closed;
  }

  #connect(socket: Socket): void {
    const exchanges: Exchange[] = [];
    this.#connections.set(socket, exchanges);
    socket.once('close', () => {
      this.#connections.delete(socket);
      for (const exchange of exchanges) exchange.closed();
      this.#recording.changed();
    });
    if (this.#behaviour.resetOnConnect) socket.resetAndDestroy();
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(incoming, response, this.#closing.signal);
    const earlier = this.#connections.get(incoming.socket);
    earlier?.push(exchange);
    this.#recording.add(exchange.record);
    const behaviour = this.#chooseBehaviour(exchange.path);
    if (!(await exchange.read())) return;
    this.#recording.changed();
    const isReuse = earlier !== undefined && earlier.length > 1;
    if (behaviour.resetAfterRequest || (behaviour.resetOnReuse && isReuse)) return exchange.reset();
    try {
      await this.#answer(exchange, behaviour);
    } catch (error) {
      // Whoever is gone gets no answer; that they left is recorded when the connection closes.
      if (!exchange.signal.aborted) throw error;
    }
  }

  #chooseBehaviour(path: string): Behaviour {
    const scripted = this.#scripts.findIndex(({ only = this.#behaviour.only }) => only.test(path));
    if (scripted >= 0) return merge(this.#behaviour, this.#scripts.splice(scripted, 1)[0] ?? {});
    return this.#behaviour.only.test(path) ? this.#behaviour : defaults;
  }

  async #answer(exchange: Exchange, behaviour: Behaviour): Promise<void> {
    const { path, record, response, signal } = exchange;
    const send = async (reply: Reply) => {
      const outcome = await deliver({ reply, behaviour, response, request: record, signal });
      exchange.isBroken = outcome === 'broken';
      this.#recording.changed();
    };
    if (!runsModel(path)) return await send(this.#reply(exchange, behaviour, 0));
    if (behaviour.whenFull === 'queue') await this.#slots.take(behaviour.slots, signal);
    else if (!this.#slots.tryTake(behaviour.slots)) return await send(failure(path)(503, busy));
    try {
      const loadMs = await this.#load(exchange, behaviour);
      await send(this.#reply(exchange, behaviour, loadMs));
    } finally {
      this.#slots.free();
    }
  }

  /** Brings the model into memory, as long as that takes, where it is not; or out of it, where that is asked for. */
  async #load({ record, signal }: Exchange, behaviour: Behaviour): Promise<number> {
    const { model, keep_alive: keepAlive } = fieldsOf(record.json);
    const name = textOf(model);
    if (behaviour.status !== 200 || !this.#library.hasModel(name)) return 0;
    if (keepAlive === 0) {
      this.#memory.unload(name);
      return 0;
    }
    if (!this.#memory.use(name, keepAlive)) return 0;
    const { loadMs } = this.#memory.rules;
    if (loadMs > 0) await setTimeout(loadMs, undefined, { signal });
    return loadMs;
  }

  #reply({ path, record }: Exchange, behaviour: Behaviour, loadMs: number): Reply {
    const { status, body } = behaviour;
    if (body !== undefined) return { ...wholeReply(body, 'application/json'), status };
    if (status !== 200) return failure(path)(status, `asked to answer ${status}`);
    const [route, parameter] = findRoute(record.method, path);
    if (route === undefined) return failure(path)(404, `no such path: ${record.method} ${path}`);
    if (runsModel(path)) {
      if (record.json === undefined) return failure(path)(400, 'the body is not JSON');
      const model = textOf(fieldsOf(record.json)['model']);
      const isUnknown = behaviour.unknownModel === 'refuse' && !this.#library.hasModel(model);
      if (isUnknown) return failure(path)(404, `model '${model}' not found`);
    }
    this.#serial += 1;
    const { json, body: bytes } = record;
    return route({
      json,
      body: bytes,
      parameter,
      behaviour,
      library: this.#library,
      memory: this.#memory,
      loadMs,
      serial: this.#serial,
    });
  }
}

function merge(behaviour: Behaviour, next: Partial<Behaviour>): Behaviour {
  const merged = { ...behaviour, ...next };
  if (merged.endless && merged.framing.startsWith('length'))
    throw new TypeError('an endless answer has no length');
  return merged;
}

const busy = 'server busy, please try again. maximum pending requests exceeded';

const routes: Routes = { ...openaiRoutes, ...ollamaRoutes, ...ollamaLibraryRoutes };

/** The route of a path as it is, with the `/v1` it lacks, or with its last segment as the parameter. */
function findRoute(method: string, path: string): readonly [Routes[string] | undefined, string] {
  const slash = path.lastIndexOf('/');
  const parent = `${method} ${path.slice(0, slash)}/:parameter`;
  return [
    routes[`${method} ${path}`] ?? routes[`${method} /v1${path}`] ?? routes[parent],
    path.slice(slash + 1),
  ];
}

const runsModel = (path: string): boolean => defaults.only.test(path);

const failure = (path: string) => (path.startsWith('/api/') ? ollamaFailure : openaiFailure);
