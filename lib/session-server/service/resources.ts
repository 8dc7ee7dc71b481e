/** The resources of the protocol: what each method and path means. */
import { HEALTH_PATH } from '../protocol/version.js'

/** What a request asks for. Session servers and streams are named, not known to exist. */
export type Resource =
  | { readonly kind: 'health' }
  | { readonly kind: 'stats'; readonly server: string }
  | { readonly kind: 'fences'; readonly server: string }
  /** Opens a message stream. */
  | { readonly kind: 'open'; readonly server: string }
  /** Tells that a stream is alive, and keeps it so. */
  | { readonly kind: 'probe'; readonly server: string; readonly stream: string }
  | { readonly kind: 'end'; readonly server: string; readonly stream: string }
  /** Part `number` of a stream's messages, from 1. */
  | { readonly kind: 'messages'; readonly server: string; readonly stream: string; readonly number: number }

const OF_SERVER = /^\/v1\/servers\/([\w.-]{1,64})\/(stats|fences|streams)$/
const OF_STREAM = /^\/v1\/servers\/([\w.-]{1,64})\/streams\/([\w-]{1,64})(?:\/messages\/([1-9]\d{0,14}))?$/

/** @returns null when there is no such resource */
export function resourceOf(method: string, path: string): Resource | null {
  if (path === HEALTH_PATH) return method === 'GET' ? { kind: 'health' } : null
  return resourceOfServer(method, path) ?? resourceOfStream(method, path)
}

function resourceOfServer(method: string, path: string): Resource | null {
  const match = OF_SERVER.exec(path)
  if (match === null) return null
  const [, server = '', what] = match
  switch (`${method} ${what}`) {
    case 'GET stats':
      return { kind: 'stats', server }
    case 'GET fences':
      return { kind: 'fences', server }
    case 'POST streams':
      return { kind: 'open', server }
    default:
      return null
  }
}

function resourceOfStream(method: string, path: string): Resource | null {
  const match = OF_STREAM.exec(path)
  if (match === null) return null
  const [, server = '', stream = '', number] = match
  if (number !== undefined) {
    return method === 'POST' ? { kind: 'messages', server, stream, number: Number(number) } : null
  }
  switch (method) {
    case 'GET':
      return { kind: 'probe', server, stream }
    case 'DELETE':
      return { kind: 'end', server, stream }
    default:
      return null
  }
}
