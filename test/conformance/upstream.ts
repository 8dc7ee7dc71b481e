/** What the apps' proxies pass requests on to: tells what arrived, in a few ways of answering. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  switch (req.url) {
    case '/cut':
      req.socket.destroy()
      return
    case '/parts':
      res.write('one ')
      setImmediate(() => res.end('two'))
      return
    case '/cookies':
      res.setHeader('Set-Cookie', ['up=1; Path=/', 'stream=2'])
      res.writeHead(201, 'Made Upstream').end()
      return
    default: {
      const body = await buffer(req)
      const { method, url, headers } = req
      // The proxies' own connections are none of the comparison's business.
      const { host: _, connection: __, ...others } = headers
      res.setHeader('X-Upstream', 'yes')
      res.end(JSON.stringify({ method, url, headers: others, bytes: body.length }))
    }
  }
}

/** @returns its base URL */
export async function startUpstream(t: Pick<Test, 'teardown'>): Promise<string> {
  const server = createServer((req, res) => {
    // A client that leaves is no failure of the test.
    answer(req, res).catch(() => res.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
