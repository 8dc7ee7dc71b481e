/** Imports the user's app and makes a Node listener of whatever it exports. */
import { Server } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { AppContext } from './app-context.js'
import { AppLoadError } from './errors.js'
import { fastifyListener, isFastify } from './fastify.js'
import { type FetchApp, fetchListener } from './fetch.js'
import type { NodeListener } from './node-listener.js'

const EXPECTED =
  'Expected is a default export, or a function create(context) that returns the same: a listener (request, response) ' +
  'such as an Express app, an object with fetch(request) such as a Hono app, a Fastify instance, or a Koa app.'

/**
 * @param file absolute path of the app's module, ESM or CommonJS
 * @throws AppLoadError
 */
export async function loadApp(file: string, context: AppContext): Promise<NodeListener> {
  const module = await importApp(file)
  return listenerOf(file, (await exported(file, module, context)).app)
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

/** Wrapped, since a Fastify instance is thenable: a promise of it would boot it, and fail with its errors. */
async function exported(
  file: string,
  module: Record<string, unknown>,
  context: AppContext,
): Promise<{ readonly app: unknown }> {
  const main = unwrapped(module.default)
  const create = module.create ?? (isObject(main) && 'create' in main ? main.create : undefined)
  if (typeof create !== 'function' || (isApp(main) && !('create' in module))) {
    if (main !== undefined) return { app: main }
    const names = Object.keys(module).join(', ')
    throw new AppLoadError(file, `it exports ${names === '' ? 'nothing' : `only ${names}`}. ${EXPECTED}`)
  }
  try {
    return { app: await create(context) }
  } catch (cause) {
    throw new AppLoadError(file, `its create function failed: ${describeError(cause)}`, { cause })
  }
}

async function listenerOf(file: string, app: unknown): Promise<NodeListener> {
  if (isObject(app) && isFastify(app)) {
    try {
      return await fastifyListener(app)
    } catch (cause) {
      throw new AppLoadError(file, `Fastify did not get ready: ${describeError(cause)}`, { cause })
    }
  }
  if (isFetchApp(app)) return fetchListener(app)
  if (isKoa(app)) return app.callback()
  if (typeof app === 'function') return app as NodeListener
  throw new AppLoadError(file, `its app is ${describe(app)}. ${EXPECTED}`)
}

/** The app of `module.exports = app`, and of compiled ESM, whose exports are themselves the default export. */
function unwrapped(main: unknown): unknown {
  return isObject(main) && '__esModule' in main && 'default' in main ? main.default : main
}

function isApp(value: unknown): boolean {
  return (
    typeof value === 'function' || isFetchApp(value) || isKoa(value) || (isObject(value) && isFastify(value))
  )
}

function isFetchApp(value: unknown): value is FetchApp {
  return (
    (isObject(value) || typeof value === 'function') && 'fetch' in value && typeof value.fetch === 'function'
  )
}

function isKoa(value: unknown): value is { callback(): NodeListener } {
  return isObject(value) && 'callback' in value && typeof value.callback === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
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
  if (value instanceof Server) return 'an http.Server; export its request listener instead'
  if (!isObject(value)) return `a ${typeof value}`
  const keys = Object.keys(value)
  return keys.length === 0 ? 'an object without members' : `an object with ${keys.slice(0, 5).join(', ')}`
}
