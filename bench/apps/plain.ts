/** A plain listener on Troupe. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { reportThread } from './threads.js'
import { countBigVisit, countVisit, readVisits, type Visits } from './visits.js'

reportThread('app')

const ANSWERS: Readonly<Record<string, (session: Visits) => string>> = {
  '/count': countVisit,
  '/big': countBigVisit,
  '/read': readVisits,
}

export default function listener(request: IncomingMessage, response: ServerResponse): void {
  const answer = ANSWERS[request.url ?? '']
  response.setHeader('content-type', 'text/plain')
  if (answer === undefined) {
    response.statusCode = 404
    response.end()
    return
  }
  response.end(answer(visitsOf(request)))
}

/** What Troupe adds to a request. */
function visitsOf(request: IncomingMessage): Visits {
  return (request as IncomingMessage & { readonly session: Visits }).session
}
