/** The servers beside Troupe: each a module of ../servers, in node:cluster. */
import { freePort } from '../../test/support/free-port.js'
import type { MeasuredProcess } from '../cpu.js'
import { environmentOf } from '../servers/settings.js'
import type { PeerKind } from './peer.js'
import { modulePath, PeerProcess } from './peer-process.js'

/** What distinguishes them. */
export interface ServerOptions {
  /** The module's name. */
  readonly module: string
  readonly about: string
  readonly hasSessions?: boolean
  readonly needsRedis?: boolean
  /** Where sessions are in one process there can be only one. */
  readonly single?: boolean
}

export function server(options: ServerOptions): PeerKind {
  const { module, about, hasSessions = true, needsRedis = false, single = false } = options
  return {
    about,
    hasSessions,
    needsRedis,
    start: async ({ webServers, folder, redis, scope, signal }) => {
      const port = await freePort()
      const store = needsRedis ? await redis() : null
      const process = await PeerProcess.start({
        ...{ name: module, args: [modulePath(`servers/${module}.js`)], folder, scope, signal },
        env: environmentOf({ processes: single ? 1 : webServers, port, redis: store?.url ?? '' }),
        ready: /^ready /,
        main: 'other',
      })
      const others: MeasuredProcess[] =
        store === null ? [] : [{ pid: store.pid, main: 'redis', rest: 'redis' }]
      return {
        url: `http://127.0.0.1:${port}`,
        died: process.died,
        cpuTimes: () => process.cpuTimes(others),
      }
    },
  }
}
