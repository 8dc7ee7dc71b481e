/** From what a module exports, or a test hands over, to an app. */
import { type App, appOfListener, appOfServer, isServer } from './app.js'
import { AppLoadError } from './errors.js'
import { appOfFastify, isFastify } from './fastify.js'
import { type FetchApp, fetchListener } from './fetch.js'
import type { NodeListener } from './node-listener.js'

/** @returns whether {@link appOfExport} takes it */
export function isApp(value: unknown): boolean {
  return (
    isServer(value) ||
    typeof value === 'function' ||
    isFetchApp(value) ||
    isKoa(value) ||
    (isObject(value) && isFastify(value))
  )
}

/**
 * @param origin where the app comes from, for errors: the module's file
 * @throws AppLoadError
 */
export async function appOfExport(origin: string, value: unknown): Promise<App> {
  if (isServer(value)) return appOfServer(value)
  if (isObject(value) && isFastify(value)) {
    try {
      return await appOfFastify(value)
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause)
      throw new AppLoadError(origin, `Fastify did not get ready: ${found}`, { cause })
    }
  }
  if (isFetchApp(value)) return appOfListener(await fetchListener(value))
  if (isKoa(value)) return appOfListener(value.callback())
  if (typeof value === 'function') return appOfListener(value as NodeListener)
  throw new AppLoadError(
    origin,
    `${typeof value} is no app; expected a listener, an object with fetch, a Fastify or Koa instance, or an http.Server.`,
  )
}

export function isFetchApp(value: unknown): value is FetchApp {
  return (
    (isObject(value) || typeof value === 'function') && 'fetch' in value && typeof value.fetch === 'function'
  )
}

export function isKoa(value: unknown): value is { callback(): NodeListener } {
  return isObject(value) && 'callback' in value && typeof value.callback === 'function'
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
