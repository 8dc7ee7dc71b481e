import type { IncomingMessage, ServerResponse } from 'node:http'

/** What every app becomes: it answers one request. May return a promise that rejects when it fails. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => unknown
