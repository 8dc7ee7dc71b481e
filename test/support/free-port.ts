/** A port for a server under test that has to be told one. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** @returns a port that was free a moment ago */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const bound = server.address()
  server.close()
  await once(server, 'close')
  if (bound === null || typeof bound === 'string') throw new TypeError('a TCP server has a port')
  return bound.port
}
