/** Troupe, as `troupe start` runs it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../test/support/free-port.js'
import { type CpuTimes, type MeasuredProcess, NO_TIME, PARTS, type Part } from '../cpu.js'
import { LIFETIME_SECONDS, SECRET } from '../servers/settings.js'
import type { PeerKind, Redis, Surroundings } from './peer.js'
import { modulePath, PeerProcess } from './peer-process.js'

/** What distinguishes one Troupe from the other. */
export interface TroupeOptions {
  readonly about: string
  readonly app?: 'plain' | 'express' | 'fastify'
  readonly copies?: 1 | 2
  readonly acks?: 'none' | 'one' | 'all'
  readonly store?: 'memory' | 'lmdb' | 'remote' | 'redis'
}

const MAIN = modulePath('../lib/cli/main.js')
const KEY = 'a key of this bench only, 32 or more characters'
const WEB_HOST = 'web-1'

export function troupe(options: TroupeOptions): PeerKind {
  const { about, store = 'memory' } = options
  return {
    about,
    hasSessions: true,
    needsRedis: store === 'redis',
    start: async surroundings => {
      const redis = store === 'redis' ? await surroundings.redis() : null
      const port = await freePort()
      const file = join(surroundings.folder, 'troupe.json')
      await writeFile(file, JSON.stringify(await configuration(options, surroundings, port, redis)))
      const hosts = store === 'remote' ? await startSessionHosts(file, surroundings) : []
      const start = (name: string, args: readonly string[], main: Part) =>
        startTroupe({ name, file, args, main }, surroundings)
      const host = store === 'remote' ? ['--host', WEB_HOST] : []
      const director = await start('troupe', host, 'director')
      const others: MeasuredProcess[] =
        redis === null ? [] : [{ pid: redis.pid, main: 'redis', rest: 'redis' }]
      return {
        url: `http://127.0.0.1:${port}`,
        died: Promise.race([director, ...hosts].map(process => process.died)),
        cpuTimes: async () =>
          sumOf(
            await Promise.all([director.cpuTimes(others), ...hosts.map(process => process.cpuTimes([]))]),
          ),
      }
    },
  }
}

async function startSessionHosts(file: string, surroundings: Surroundings): Promise<PeerProcess[]> {
  const hosts: PeerProcess[] = []
  for (const name of ['store-1', 'store-2']) {
    const host = { name, file, args: ['--host', name], main: 'session servers' } as const
    hosts.push(await startTroupe(host, surroundings))
  }
  return hosts
}

interface TroupeProcess {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly main: Part
}

async function startTroupe(
  { name, file, args, main }: TroupeProcess,
  { folder, scope, signal }: Surroundings,
): Promise<PeerProcess> {
  return await PeerProcess.start({
    ...{ name, main, folder, scope, signal, env: {} },
    args: [MAIN, 'start', '--config', file, ...args],
    ready: /"msg":"(open http|serves session server)/,
  })
}

async function configuration(
  { app = 'plain', copies = 2, acks = 'one', store = 'memory' }: TroupeOptions,
  { webServers, folder }: Surroundings,
  port: number,
  redis: Redis | null,
): Promise<object> {
  const isRemote = store === 'remote'
  const sessionServers = await Promise.all(
    ['a', 'b'].map(async (name, index) => {
      if (store === 'lmdb') return { name, store, path: join(folder, name) }
      if (isRemote) return { name, store: 'memory', on: `store-${index + 1}`, port: await freePort() }
      if (redis !== null) return { name, store, redis: redis.url, prefix: `troupe-${name}` }
      return { name, store: 'memory' }
    }),
  )
  const hosts = { [WEB_HOST]: '127.0.0.1', 'store-1': '127.0.0.1', 'store-2': '127.0.0.1' }
  return {
    app: modulePath(`apps/${app}.js`),
    listen: { port },
    ...(isRemote ? { hosts, cluster: { key: KEY } } : {}),
    webServers: { threads: webServers, ...(isRemote ? { on: WEB_HOST } : {}) },
    // Redis holds one copy, as it does for the servers beside Troupe.
    sessionServers: redis === null ? sessionServers : sessionServers.slice(0, 1),
    replication: { copies: redis === null ? copies : 1, acks },
    session: { secret: SECRET, ttl: LIFETIME_SECONDS * 1_000 },
    log: { pretty: false },
  }
}

function sumOf(all: readonly CpuTimes[]): CpuTimes {
  const sum: Record<Part, number> = { ...NO_TIME }
  for (const times of all) for (const part of PARTS) sum[part] += times[part]
  return sum
}
