import { fieldsOf, textOf } from './json.ts';
import { digestOf } from './library.ts';
import type { Memory, Resident } from './memory.ts';
import { ollamaFailure } from './ollama-replies.ts';
import { jsonReply, ndjsonLine, ndjsonReply, type Reply, wholeReply } from './reply.ts';
import { bornAt, type RouteContext, type Routes } from './route.ts';

/** The part of Ollama's API that looks after models. */
export const ollamaLibraryRoutes: Routes = {
  'GET /': () => wholeReply('Ollama is running', 'text/plain; charset=utf-8'),
  'HEAD /': () => wholeReply('', ''),
  'GET /api/version': () => jsonReply({ version: '0.31.0' }),
  'HEAD /api/version': () => wholeReply('', ''),
  'GET /api/tags': ({ library }) => jsonReply({ models: library.models().map(tagRow) }),
  'GET /api/ps': (context) => jsonReply({ models: residentsOf(context).map(loadedRow(context.memory)) }),
  'POST /api/show': (context) =>
    context.library.hasModel(modelOf(context)) ? jsonReply(shown) : missing(modelOf(context)),
  'POST /api/pull': (context) => {
    context.library.addModel(modelOf(context));
    return progress(context, ['pulling manifest', 'pulling', 'verifying sha256 digest', 'writing manifest']);
  },
  'POST /api/push': (context) =>
    context.library.hasModel(modelOf(context))
      ? progress(context, ['retrieving manifest', 'pushing', 'pushing manifest'])
      : missing(modelOf(context)),
  'POST /api/create': create,
  'POST /api/copy': ({ json, library }) => {
    const { source, destination } = fieldsOf(json);
    if (!library.hasModel(textOf(source))) return missing(textOf(source));
    library.addModel(textOf(destination));
    return wholeReply('', '');
  },
  'DELETE /api/delete': (context) =>
    context.library.deleteModel(modelOf(context)) ? wholeReply('', '') : missing(modelOf(context)),
  'HEAD /api/blobs/:parameter': ({ library, parameter }) => ({
    ...wholeReply('', ''),
    status: library.hasBlob(parameter) ? 200 : 404,
  }),
  'POST /api/blobs/:parameter': ({ library, parameter, body }) =>
    library.addBlob(parameter, body)
      ? { ...wholeReply('', ''), status: 201 }
      : ollamaFailure(400, 'digest does not match the content'),
};

/** Clients of before 2024 say `name` where newer ones say `model`. */
const modelOf = ({ json }: RouteContext): string => {
  const { model, name } = fieldsOf(json);
  return textOf(model ?? name);
};

const missing = (model: string): Reply => ollamaFailure(404, `model '${model}' not found`);

function create(context: RouteContext): Reply {
  const { from, files } = fieldsOf(context.json);
  const digests = Object.values(fieldsOf(files)).map(textOf);
  if (from === undefined && digests.length === 0)
    return ollamaFailure(400, "neither 'from' or 'files' was specified");
  const lost = digests.find((digest) => !context.library.hasBlob(digest));
  if (lost !== undefined) return ollamaFailure(400, `blob ${lost} not found`);
  context.library.addModel(modelOf(context));
  return progress(context, ['using existing layer', 'writing manifest']);
}

const layerBytes = 4096;

/** The states of a long operation; those that move a layer report how far they are. */
function progress(context: RouteContext, states: readonly string[]): Reply {
  const digest = digestOf(modelOf(context));
  if (fieldsOf(context.json)['stream'] === false) return jsonReply({ status: 'success' });
  const rows = states.flatMap((status) =>
    status === 'pulling' || status === 'pushing'
      ? [0, layerBytes / 2, layerBytes].map((completed) => ({
          status: `${status} ${digest.slice(7, 19)}`,
          digest,
          total: layerBytes,
          ...(completed > 0 ? { completed } : {}),
        }))
      : [{ status }],
  );
  return ndjsonReply(
    [
      ...rows.map((row) => ({ kind: 'content' as const, text: ndjsonLine(row) })),
      { kind: 'end', text: ndjsonLine({ status: 'success' }) },
    ],
    { error: 'the transfer failed' },
  );
}

const details = {
  parent_model: '',
  format: 'gguf',
  family: 'fake',
  families: ['fake'],
  parameter_size: '1M',
  quantization_level: 'Q4_0',
};

const modelBytes = 1_000_000;

const tagRow = (name: string) => ({
  name,
  model: name,
  modified_at: bornAt.toISOString(),
  size: modelBytes,
  digest: digestOf(name).slice(7),
  details,
});

function residentsOf({ library, memory }: RouteContext): readonly Resident[] {
  if (memory.rules.residentMax !== 'all') return memory.residents();
  const untilMs = bornAt.getTime() + 300_000;
  return library.models().map((name) => ({ name, untilMs }));
}

const loadedRow =
  ({ rules: { modelBytes: size, gpuShare } }: Memory) =>
  ({ name, untilMs }: Resident) => ({
    name,
    model: name,
    size,
    digest: digestOf(name).slice(7),
    details,
    expires_at: new Date(untilMs).toISOString(),
    size_vram: Math.round(size * gpuShare),
    context_length: 4096,
  });

const shown = {
  license: '',
  modelfile: 'FROM fake',
  parameters: '',
  template: '{{ .Prompt }}',
  details,
  model_info: { 'general.architecture': 'fake', 'fake.context_length': 4096 },
  capabilities: ['completion', 'tools', 'thinking', 'vision'],
  modified_at: bornAt.toISOString(),
};
