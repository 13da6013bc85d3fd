// The cheapest honest proxy that Node can be: `node:http` in front, undici's `dispatch` behind, JSON parsed both ways.
// Everything that a gateway is for is missing here. What ours costs above it is what the features cost.
import { createServer } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

const [port, upstream] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${upstream}`, {
  connections: 20_000,
  headersTimeout: 0,
  bodyTimeout: 0,
});

const server = createServer((request, reply) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    if (body.length > 0) JSON.parse(body.toString());
    let upstreamBody: Dispatcher.DispatchController | undefined;
    let whole: Buffer[] | undefined;
    reply.on('close', () => reply.writableFinished || upstreamBody?.abort(new Error('the client left')));
    reply.on('drain', () => upstreamBody?.resume());
    const { method = 'GET', url: path = '/' } = request;
    pool.dispatch(
      {
        method: method as Dispatcher.HttpMethod,
        path,
        headers: { 'content-type': 'application/json' },
        body,
      },
      {
        onRequestStart: (controller) => {
          upstreamBody = controller;
        },
        onResponseStart(_controller, statusCode, headers) {
          const type = String(headers['content-type']);
          reply.writeHead(statusCode, { 'content-type': type });
          if (!type.startsWith('text/event-stream')) whole = [];
        },
        onResponseData(controller, chunk) {
          if (whole !== undefined) whole.push(chunk);
          else if (!reply.write(chunk)) controller.pause();
        },
        onResponseEnd() {
          if (whole === undefined) return void reply.end();
          const answer = Buffer.concat(whole);
          JSON.parse(answer.toString());
          reply.end(answer);
        },
        onResponseError: (_controller, error) => void reply.destroy(error),
      },
    );
  });
});
server.keepAliveTimeout = 65_000;
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
