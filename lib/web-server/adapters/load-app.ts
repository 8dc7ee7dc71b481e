/** Imports the user's app and finds out what it is: what the module exports, or else the server that it lets listen. */
import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ListeningAddress } from '../../transport/actor-control.js'
import type { App } from './app.js'
import { appOfServer } from './app.js'
import type { AppContext } from './app-context.js'
import { appOfExport, isApp, isObject } from './app-of-export.js'
import { AppLoadError } from './errors.js'
import { giveSessionsToAll } from './fastify.js'
import { ListenCalls } from './listen-calls.js'
import { appWithServers } from './listening-export.js'
import { QuietThread } from './quiet-thread.js'

const EXPECTED =
  'Expected is a default export, or a function create(context) that returns the same: a listener (request, response) ' +
  'such as an Express app, an object with fetch(request) such as a Hono app, a Fastify instance, a Koa app, or an ' +
  'http.Server; or a module that exports none and calls listen, whoever runs it: not only if require.main === module.'

/** How an app is loaded. */
export interface LoadAppOptions {
  /** What the app's servers are told that they listen on; null for whatever they ask for. */
  readonly listening: ListeningAddress | null
  /** How long a module that exports no app may take until it calls `listen`, ms: it may connect to a database first. */
  readonly listenWithinMs: number
  /** Whether this thread is the app's alone. Otherwise only what comes of its loading counts as the app's. */
  readonly ownsThread: boolean
}

/** Time after which someone is told that a module without an app is waited for, ms. */
const TELL_AFTER_MS = 5_000

/**
 * @param file absolute path of the app's module, ESM or CommonJS
 * @throws AppLoadError
 */
export async function loadApp(file: string, context: AppContext, options: LoadAppOptions): Promise<App> {
  const calls = new ListenCalls(options.listening)
  const thread = options.ownsThread ? new QuietThread() : null
  const endSessions = giveSessionsToAll()
  if (options.ownsThread) {
    calls.watchThread()
    return await load(file, context, calls, { listenWithinMs: options.listenWithinMs, thread })
  }
  try {
    return await calls.watchWithin(() =>
      load(file, context, calls, { listenWithinMs: options.listenWithinMs, thread }),
    )
  } finally {
    endSessions()
  }
}

/** How long it is worth waiting for an app that exports none. */
interface Patience {
  readonly listenWithinMs: number
  /** Null where others run in the same thread, so that what is under way there says nothing of the app. */
  readonly thread: QuietThread | null
}

async function load(file: string, context: AppContext, calls: ListenCalls, patience: Patience): Promise<App> {
  const module = await importApp(file)
  const found = await exported(file, module, context)
  const app = isApp(found.app)
    ? appWithServers(await appOfExport(file, found.app), found.app, calls)
    : await listeningApp(file, found, calls, patience)
  const upgrade = module.upgrade ?? memberOf(found.main, 'upgrade')
  if (typeof upgrade === 'function') app.server.on('upgrade', (...args) => upgrade(...args))
  return app
}

/** Modules whose server is the app: loaded again in the same thread they are not run, and so let nothing listen. */
const listening = new Map<string, App>()

/** An unmodified app: the first server that listens. */
async function listeningApp(
  file: string,
  { problem, mayListen }: Found,
  calls: ListenCalls,
  { listenWithinMs, thread }: Patience,
): Promise<App> {
  const before = listening.get(file)
  if (before !== undefined) return before
  const telling = setTimeout(
    () => process.emitWarning(`${file} exports no app: waiting for it to listen`),
    TELL_AFTER_MS,
  ).unref()
  const server = await calls.waitForFirst(mayListen ? listenWithinMs : 0, thread)
  clearTimeout(telling)
  if (server === undefined) {
    const until = thread === null ? `within ${listenWithinMs} ms` : 'as long as anything was under way there'
    const waited = mayListen ? ` and called listen on no server ${until}` : ''
    throw new AppLoadError(file, `${problem}${waited}. ${EXPECTED}`)
  }
  calls.settle({ isServer: other => other === server, onListen: () => undefined })
  const app = appOfServer(server)
  listening.set(file, app)
  return app
}

async function importApp(file: string): Promise<Record<string, unknown>> {
  if (/^\.[mc]?tsx?$/.test(extname(file)) && !stripsTypes()) {
    throw new AppLoadError(
      file,
      'Node cannot run TypeScript here. Compile it, and name the .js file that comes out.',
    )
  }
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (cause) {
    throw new AppLoadError(file, isMissing(cause, file) ? 'there is no such file.' : describeError(cause), {
      cause,
    })
  }
}

/** What a module gives. Wrapped, since a Fastify instance is thenable: a promise of it would boot it here. */
interface Found {
  /** An app, if {@link isApp} says so. */
  readonly app: unknown
  /** The default export. */
  readonly main: unknown
  /** What to say when it is no app. */
  readonly problem: string
  /** Whether it may still come to listen, as a module that is run for its effects does. */
  readonly mayListen: boolean
}

async function exported(file: string, module: Record<string, unknown>, context: AppContext): Promise<Found> {
  const main = unwrapped(module.default)
  const create = module.create ?? memberOf(main, 'create')
  if (typeof create !== 'function' || (isApp(main) && !('create' in module))) {
    const names = Object.keys(module).join(', ')
    const problem =
      main === undefined
        ? `it exports ${names === '' ? 'nothing' : `only ${names}`}`
        : `its app is ${describe(main)}`
    return { app: main, main, problem, mayListen: main === undefined || isObject(main) }
  }
  try {
    const app: { readonly created: unknown } = { created: await create(context) }
    return { app: app.created, main, problem: `its app is ${describe(app.created)}`, mayListen: false }
  } catch (cause) {
    throw new AppLoadError(file, `its create function failed: ${describeError(cause)}`, { cause })
  }
}

/** The app of `module.exports = app`, and of compiled ESM, whose exports are themselves the default export. */
function unwrapped(main: unknown): unknown {
  return isObject(main) && '__esModule' in main && 'default' in main ? main.default : main
}

function memberOf(value: unknown, name: string): unknown {
  return (isObject(value) || typeof value === 'function') && name in value
    ? (value as Record<string, unknown>)[name]
    : undefined
}

/** Newer versions of Node run TypeScript themselves. */
function stripsTypes(): boolean {
  return 'typescript' in process.features && Boolean(process.features.typescript)
}

function isMissing(error: unknown, file: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    'url' in error &&
    typeof error.url === 'string' &&
    fileURLToPath(error.url) === file
  )
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : `it threw ${describe(error)}`
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (!isObject(value)) return `a ${typeof value}`
  const keys = Object.keys(value)
  return keys.length === 0 ? 'an object without members' : `an object with ${keys.slice(0, 5).join(', ')}`
}
