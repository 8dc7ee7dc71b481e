/** A deployment of three hosts, all of them this machine. */
import { freePort } from '../support/free-port.js'

/** An app that counts the visits of a session. */
export const APP = `
export default (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1
  response.end('visit ' + request.session.visits)
}
`
export const KEY = 'a cluster key of at least 32 characters'

/** @returns a configuration of one web host and two session hosts; `part` replaces sections of it */
export async function deployment(part: object = {}) {
  const port = () => freePort()
  return {
    app: 'app.js',
    listen: { port: 0 },
    hosts: { 'web-1': '127.0.0.1', 'store-1': '127.0.0.1', 'store-2': '127.0.0.1' },
    webServers: { on: 'web-1', threads: 2 },
    sessionServers: [
      { name: 'a', on: 'store-1', port: await port(), store: 'lmdb', path: 'data/a' },
      { name: 'b', on: 'store-2', port: await port(), store: 'memory' },
    ],
    session: { secret: 'a secret for this test' },
    cluster: { key: KEY },
    admin: { port: 0 },
    ...part,
  }
}

/** @returns the command line that starts a host of troupe.json */
export function startOn(host: string): string[] {
  return ['start', '--config', 'troupe.json', '--host', host]
}
