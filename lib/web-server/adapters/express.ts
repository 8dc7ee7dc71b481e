/** Express apps: listeners, but ones that say which prototypes they give to requests and responses. */
import type { MessagePrototypes } from '../http/message-prototypes.js'

/** @returns whether this listener is an app of Express, 4 or 5, or of what is built like it */
export function isExpress(listener: object | null): listener is MessagePrototypes {
  if (typeof listener !== 'function') return false
  const { request, response, handle } = listener as Partial<MessagePrototypes> & { handle?: unknown }
  return isObject(request) && isObject(response) && typeof handle === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
