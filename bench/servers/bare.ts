/** node:http in node:cluster, without sessions: what no session server can beat. */
import { createServer } from 'node:http'
import { listening, serveClustered } from './clustered.js'

await serveClustered(async () => {
  await listening(
    createServer((_request, response) => {
      response.setHeader('content-type', 'text/plain')
      response.end('1')
    }),
  )
})
