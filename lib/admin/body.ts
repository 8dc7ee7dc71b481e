/** Bodies of requests to the admin listener. */
import { AdminBodyError } from './failures.js'

/** @returns the members of a body that is a JSON object; an empty one has none. @throws AdminBodyError */
export function bodyOf(text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {}
  const value = parsed(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw new AdminBodyError('The body is JSON, but no object. Send one, such as { "webServers": 4 }.')
}

/** What the text is stays out of the message: it may name a session. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new AdminBodyError('The body is no JSON. Send an object, such as { "webServers": 4 }.')
  }
}
