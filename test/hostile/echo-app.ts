/**
 * An app that tells what reached it: in its answer, and, whether or not an answer gets through, to the test, on a
 * channel between threads.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BroadcastChannel } from 'node:worker_threads'

declare module '../../lib/index.js' {
  interface SessionData {
    secret?: string
    turns?: number
    nested?: Record<string, unknown>
  }
}

/** What an app saw of one request, told when its body has ended in one way or another. */
export interface Sighting {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  /** latin1. */
  readonly body: string
  readonly complete: boolean
}

/** The name of the channel. */
export const SIGHTINGS = 'troupe-hostile-sightings'

const sightings = new BroadcastChannel(SIGHTINGS)
sightings.unref()

type Handler = (req: IncomingMessage, res: ServerResponse, query: URLSearchParams, body: Buffer) => unknown

/** Paths that do something with the session; all others only echo. */
const handlers: Record<string, Handler> = {
  /** Counts in the session, and hands a nonce back with what the session holds. */
  '/canary': (req, res, query) => {
    const { session } = req
    session.secret ??= query.get('secret') ?? ''
    session.turns = (session.turns ?? 0) + 1
    answer(res, { nonce: query.get('nonce'), secret: session.secret, turns: session.turns })
  },
  /** What the session holds, without beginning one. */
  '/peek': (req, res) => answer(res, { ...req.session, cookie: undefined, id: req.sessionID }),
  /** Assigns a JSON body to the session, as careless apps do. */
  '/assign': (req, res, _query, body) => {
    Object.assign(req.session, JSON.parse(body.toString()))
    answer(res, { polluted: pollution() })
  },
  /** Merges a JSON body into the session member by member, deep, as careless apps do too. */
  '/merge': (req, res, _query, body) => {
    const given = JSON.parse(body.toString()) as Record<string, unknown>
    for (const key of Object.keys(given)) {
      ;(req.session as unknown as Record<string, unknown>)[key] = given[key]
    }
    answer(res, { polluted: pollution() })
  },
  /** Whether any object of this thread has something that it should not. */
  '/pollution': (_req, res) => answer(res, { polluted: pollution() }),
  /** Sets what it is told as a header, or as the path of the session's cookie; says whether that was refused. */
  '/set-header': (_req, res, query) => {
    try {
      res.setHeader(query.get('name') ?? 'x-told', query.get('value') ?? '')
      answer(res, { refused: false })
    } catch (error) {
      answer(res, { refused: (error as NodeJS.ErrnoException).code })
    }
  },
  '/set-cookie-path': (req, res, query) => {
    req.session.cookie.path = query.get('value') ?? ''
    req.session.secret = 'x'
    answer(res, {})
  },
  /** Prints what it is told. */
  '/print': (_req, res, query) => {
    console.log(query.get('text'))
    answer(res, {})
  },
  /** Never answers. */
  '/silent': () => {},
}

/** How long `/compute` keeps its event loop from everything else, ms: longer than a turn of it begins requests. */
const COMPUTE_MS = 20

export default async function app(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { method = '', url = '', rawHeaders } = req
  if (url === '/compute') compute()
  const chunks: Buffer[] = []
  const complete = await new Promise<boolean>(resolve => {
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => resolve(true))
    req.on('error', () => {})
    req.on('close', () => resolve(req.readableEnded))
  })
  const body = Buffer.concat(chunks)
  const sighting: Sighting = { method, url, rawHeaders, body: body.toString('latin1'), complete }
  sightings.postMessage(sighting)
  const [path = '', query] = url.split('?')
  const handle = handlers[path]
  if (handle === undefined) answer(res, { method, url, bytes: body.length })
  else await handle(req, res, new URLSearchParams(query), body)
}

function answer(res: ServerResponse, what: unknown): void {
  const text = JSON.stringify(what)
  res.setHeader('content-type', 'application/json')
  res.end(text)
}

function compute(): void {
  const end = performance.now() + COMPUTE_MS
  while (performance.now() < end);
}

/** Names that objects have and never had. */
function pollution(): string[] {
  const found: string[] = []
  for (const key in {}) found.push(key)
  if (Object.getOwnPropertyNames(Object.prototype).length !== OWN) found.push('own names of Object.prototype')
  return found
}

const OWN = Object.getOwnPropertyNames(Object.prototype).length
