/** Files of models on their way to Ollama servers: passed on piece by piece, checked while they pass, never held. */
import { createHash } from 'node:crypto';
import type { Authenticated, Route } from '../core/exchange.ts';
import { asFailure, Failure, fail } from '../core/failure.ts';
import { type Reply, wholeReply } from '../core/stage.ts';
import { readDigest } from '../protocol/ollama-names.ts';
import { blobsPath } from './answer-paths.ts';
import { BlobBranch } from './blob-branch.ts';
import { BlobPieces } from './blob-pieces.ts';
import { findBlob } from './blob-presence.ts';
import { combinedFailure, type Fate } from './fate.ts';
import type { Knowledge } from './knowledge.ts';
import { chooseUpstreams } from './operation.ts';

type Answer = NonNullable<Route['answer']>;

/** 200 when every chosen server has the blob. */
export function checkBlob(knowledge: Knowledge): Answer {
  return async (exchange) => {
    const digest = digestOf(exchange);
    const { upstreams } = chooseUpstreams(knowledge, exchange);
    const answers = await findBlob(upstreams, digest, { knowledge, exchange });
    const failure = combinedFailure('asking for the blob', answers.flatMap(toFailed));
    if (failure !== undefined) throw failure;
    if (answers.every(({ found }) => found === true)) return emptyReply(200);
    throw fail('not_found', `not every server has the blob ${digest}`);
  };
}

export function uploadBlob(knowledge: Knowledge): Answer {
  return async (exchange) => {
    const digest = digestOf(exchange);
    const { upstreams } = chooseUpstreams(knowledge, exchange);
    const answers = await findBlob(upstreams, digest, { knowledge, exchange });
    const fates = answers.flatMap(toFailed);
    const lacking = answers.filter(({ found }) => found === false);
    if (fates.length === upstreams.length) throw combinedFailure('uploading', fates);
    const branches = lacking.map(({ upstream }) => new BlobBranch(upstream, knowledge.clock));
    const upload: Upload = { digest, branches, knowledge, exchange };
    await relay(upload);
    const uploaded = branches.map(async ({ upstream, settled }) => ({ upstream, failure: await settled }));
    const failure = combinedFailure('uploading', [...fates, ...(await Promise.all(uploaded))]);
    if (failure !== undefined) throw failure;
    // One that all have already is read and checked all the same: the client is sending it anyway.
    return emptyReply(branches.length === 0 ? 200 : 201);
  };
}

function digestOf({ incoming }: Authenticated): string {
  const written = incoming.path.slice(blobsPath.length);
  return readDigest(written.replace(/^sha256%3a/i, 'sha256:'), 'digest');
}

function toFailed({ upstream, found }: { upstream: Fate['upstream']; found: boolean | Failure }): Fate[] {
  return found instanceof Failure ? [{ upstream, failure: found }] : [];
}

function emptyReply(status: number): Reply {
  return wholeReply(status, [], new Uint8Array(0));
}

interface Upload {
  readonly digest: string;
  readonly branches: readonly BlobBranch[];
  readonly knowledge: Knowledge;
  readonly exchange: Authenticated;
}

/** Resolves when all pieces have passed and are what the digest says. Whatever fails, no server gets a whole blob. */
async function relay(upload: Upload): Promise<void> {
  const { branches, digest, exchange, knowledge } = upload;
  const abort = (failure: Failure) => {
    for (const branch of branches) branch.abort(failure);
  };
  for (const branch of branches) branch.begin(digest);
  exchange.signal.onAbort(() => abort(fail('client_gone', 'the client left during the upload')));
  const pieces = new BlobPieces(exchange.incoming.streamBody(knowledge.blobLimits), knowledge.clock);
  void allFailed(branches).then((failed) => {
    if (failed) pieces.stop();
  });
  try {
    const hash = createHash('sha256');
    for await (const piece of pieces) {
      exchange.trail.bytesIn += piece.length;
      hash.update(piece);
      // The slowest server sets the pace: nothing is kept for it here.
      await Promise.all(branches.map((branch) => branch.offer(piece)));
    }
    // What went wrong the branches tell.
    if (pieces.stopped) return;
    if (`sha256:${hash.digest('hex')}` !== digest) {
      throw fail('invalid_request', 'the content is not what its digest says', { param: 'digest' });
    }
    for (const branch of branches) branch.finish();
  } catch (thrown) {
    abort(asFailure(thrown));
    throw thrown;
  }
}

async function allFailed(branches: readonly BlobBranch[]): Promise<boolean> {
  const failures = await Promise.all(branches.map((branch) => branch.settled));
  return failures.length > 0 && failures.every((failure) => failure !== undefined);
}
