/** Which framework is tried with what: the matrix of docs/conformance.md. */

/** The rows, in the order of the page. */
export const FEATURES = {
  protocol: "HTTP as such, with node's own request and response",
  events: 'order of events, abandoned requests, timeouts',
  facts: 'what request, response and socket say',
  bodies: 'body parsers, limits, malformed bodies',
  raw: 'raw bodies',
  uploads: 'uploads: several files, 3 MiB',
  aborted: 'uploads: too large, aborted',
  compression: 'compression: gzip, brotli',
  flush: 'compression: flushed streams',
  files: 'static files, ranges, conditional requests',
  sendFile: 'sendFile',
  download: 'sendFile: missing, download',
  etag: 'ETag of dynamic answers',
  modified: 'Last-Modified of dynamic answers',
  helmet: 'helmet, or secureHeaders in Hono',
  cookies: 'cookies',
  view: 'views (ejs)',
  sessions: 'sessions: login with regenerate, logout',
  passport: 'passport with passport-local',
  csrf: 'csrf-csrf',
  origin: "Hono's csrf",
  events_stream: 'server-sent events',
  polling: 'long polling',
  proxy: 'a proxy in the app',
  errors: 'error handlers, async errors',
  redirects: 'redirects',
  moved: 'redirects to elsewhere',
  requestFacts: "the framework's view of the request",
  context: 'AsyncLocalStorage through middleware',
  stream: 'streams as answers',
} as const

export type Feature = keyof typeof FEATURES

const EVERYWHERE = [
  'protocol',
  'events',
  'facts',
  'bodies',
  'raw',
  'uploads',
  'compression',
  'etag',
  'helmet',
  'view',
  'sessions',
  'events_stream',
  'polling',
  'proxy',
  'errors',
  'redirects',
] as const satisfies readonly Feature[]

const EXPRESS = [
  ...EVERYWHERE,
  'aborted',
  'flush',
  'files',
  'sendFile',
  'download',
  'modified',
  'cookies',
  'passport',
  'csrf',
  'moved',
  'requestFacts',
  'context',
] as const satisfies readonly Feature[]

/** What each app of `apps` shows. Where a feature is missing, the framework has no part for it that is in use here. */
export const FRAMEWORKS = {
  express4: { title: 'Express 4', features: EXPRESS },
  express5: { title: 'Express 5', features: EXPRESS },
  koa: {
    title: 'Koa 3',
    features: [...EVERYWHERE, 'aborted', 'files', 'modified', 'cookies', 'moved', 'requestFacts', 'stream'],
  },
  fastify: {
    title: 'Fastify 5',
    features: [
      ...EVERYWHERE,
      'aborted',
      'files',
      'sendFile',
      'download',
      'cookies',
      'moved',
      'requestFacts',
      'context',
      'stream',
    ],
  },
  hono: {
    title: 'Hono',
    features: [...EVERYWHERE, 'files', 'cookies', 'origin', 'moved', 'requestFacts', 'stream'],
  },
  node: { title: 'node:http', features: [...EVERYWHERE, 'sendFile'] },
  connect: {
    title: 'Connect',
    features: [
      ...EVERYWHERE.filter(feature => feature !== 'etag'),
      'aborted',
      'flush',
      'files',
      'cookies',
      'passport',
    ],
  },
} as const satisfies Record<string, { readonly title: string; readonly features: readonly Feature[] }>

export type Framework = keyof typeof FRAMEWORKS

/** The matrix as Markdown. */
export function matrix(): string {
  const frameworks = Object.values(FRAMEWORKS)
  const rows = Object.entries(FEATURES).map(([feature, title]) => [
    title,
    ...frameworks.map(({ features }) => ((features as readonly string[]).includes(feature) ? '✓' : '·')),
  ])
  const lines = [['', ...frameworks.map(({ title }) => title)], frameworks.map(() => ':-:'), ...rows]
  lines[1]?.unshift('---')
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
