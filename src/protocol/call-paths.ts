/** Where a model is called, by the names of the routes: read by the configuration too, without what answers there. */

export const callPaths = {
  'openai.chat': ['/v1/chat/completions', '/chat/completions'],
  'openai.completions': ['/v1/completions', '/completions'],
  'openai.embeddings': ['/v1/embeddings'],
  'ollama.chat': ['/api/chat'],
  'ollama.generate': ['/api/generate'],
  'ollama.embed': ['/api/embed'],
  'ollama.embeddings': ['/api/embeddings'],
  'simple.generate': ['/generate'],
  'simple.complete': ['/api/v1/complete', '/api/complete'],
  'simple.stream': ['/api/v1/stream'],
  'simple.chat': ['/chat', '/api/v1/chat'],
  'simple.embeddings': ['/embeddings'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
