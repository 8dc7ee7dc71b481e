/** The app of the benches of many sessions: each request counts in a session of a known size. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Session } from '../../lib/index.js'
import { sessionOf } from './app-data.js'
import { nameThread } from './thread-figures.js'

const FIRST_VISITOR = 1_000_000

let visitors = 0

nameThread('web server')

export default function app(req: IncomingMessage, res: ServerResponse): void {
  const session = req.session as Session & { visits?: number }
  if (session.visits === undefined) Object.assign(session, sessionOf(FIRST_VISITOR + visitors++))
  else session.visits++
  res.writeHead(204).end()
}
