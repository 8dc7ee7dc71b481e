/** The session servers that are compared: each a real actor on its own thread, with whatever lies behind it. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorOfEnd } from '../lib/director/actors/actor-handle.js'
import type { Stage } from '../lib/director/actors/stage.js'
import type { ActorName } from '../lib/replication/ids.js'
import type { SessionServerBackend } from '../lib/transport/actor-control.js'
import { freePort } from '../test/support/free-port.js'
import { TestHost } from '../test/support/hosts/host.js'
import { TestRedis } from '../test/support/redis.js'
import { type LoadOptions, type Measured, ReplicationLoad, SESSION_COUNT } from './replication-load.js'
import { fileSystemOf, redisServerVersion, versionOf } from './support/machine.js'

/** Every session server there is a bench for, in the order of the report. */
export const STORE_NAMES = ['memory', 'lmdb', 'remote', 'redis'] as const
export type StoreName = (typeof STORE_NAMES)[number]

/** How long another process may take to answer, ms: a loaded machine must not look like a lost one. */
const TIMEOUT_MS = 20_000
const WEB_SERVER = 'web-1' as ActorName
const KEY = { id: 'bench', secret: 'a key of this bench only, 32 or more characters' }

/** Ends what a bench started, the last first. */
export interface Scope {
  teardown(end: () => unknown): void
}

/** Where session servers are opened. */
export interface Surroundings {
  readonly stage: Stage
  readonly scope: Scope
  /** An existing folder for what they keep on disk. */
  readonly folder: string
}

/** What lies behind a session server's actor. */
interface Opened {
  readonly backend: SessionServerBackend
  readonly about: string
}

/** A session server under test, and the web server in front of it. */
export interface Store {
  readonly name: StoreName
  /** What it is, for the report. */
  readonly about: string
  /** @throws the error that ended its actor, or that of a change */
  measure(options: LoadOptions): Promise<Measured>
  /** @throws Error when it does not hold what it acknowledged: then no figure of it means anything */
  check(): Promise<void>
}

/** @returns the session server, or null when this machine lacks what it needs */
export async function openStore(name: StoreName, surroundings: Surroundings): Promise<Store | null> {
  const { stage, scope } = surroundings
  const opened = await BACKENDS[name](surroundings)
  if (opened === null) return null
  const actor = stage.spawn({ role: 'session-server', name })
  const replica = name as string as ActorName
  const died = actor.ended.then(end => {
    throw errorOfEnd(name, end) ?? new Error(`${name} stopped in the middle of the bench`)
  })
  // Whoever measures gets it; between two measurements nobody waits.
  died.catch(() => undefined)
  const fences = await actor.control.start({ name: replica, backend: opened.backend })
  const connecting = ReplicationLoad.start(replica, fences, port => actor.control.connect(WEB_SERVER, port))
  const load = await Promise.race([connecting, died])
  scope.teardown(() => load.close())
  return {
    name,
    about: opened.about,
    measure: options => Promise.race([load.measure(options), died]),
    check: async () => {
      const { sessions } = await actor.control.stats()
      const isKept = await load.isKept()
      if (sessions === SESSION_COUNT && isKept) return
      const found = `${sessions} sessions, the last change ${isKept ? 'among' : 'not among'} them`
      throw new Error(
        `${name} acknowledged ${SESSION_COUNT} sessions, but holds ${found}: its figures mean nothing`,
      )
    },
  }
}

const BACKENDS: Readonly<Record<StoreName, (surroundings: Surroundings) => Promise<Opened | null>>> = {
  memory: async () => ({ backend: { kind: 'memory' }, about: 'a thread of this process, in memory' }),

  lmdb: async ({ scope, folder }) => {
    const path = await ownFolder(folder, scope)
    const about = `a thread of this process, lmdb ${versionOf('lmdb')} on ${await fileSystemOf(path)}, flushed`
    return { backend: { kind: 'lmdb', path }, about }
  },

  remote: async ({ scope, folder }) => {
    const path = await ownFolder(folder, scope)
    const port = await freePort()
    const configFile = join(path, 'troupe.json')
    await writeFile(configFile, JSON.stringify(deployment(port)))
    const host = new TestHost({ name: 'store-1', configFile, command: [], env: {} })
    scope.teardown(() => host.kill())
    await host.says('session server started')
    const url = `http://127.0.0.1:${port}`
    return {
      backend: { kind: 'remote', url, keys: [KEY], tls: null, timeoutMs: TIMEOUT_MS },
      about: `HTTP on loopback with a key (undici ${versionOf('undici')}), a process of its own, in memory`,
    }
  },

  redis: async ({ scope }) => {
    const version = await redisServerVersion()
    if (version === null) return null
    const redis = await TestRedis.start(scope)
    return {
      backend: { kind: 'redis', urls: [redis.url], prefix: 'bench', timeoutMs: TIMEOUT_MS },
      about: `TCP on loopback (redis ${versionOf('redis')}), redis-server ${version}, nothing written to disk`,
    }
  },
}

/** A session host as `troupe start --host store-1` runs it. */
function deployment(port: number): object {
  return {
    app: 'never-loaded.js',
    hosts: { 'web-1': '127.0.0.1', 'store-1': '127.0.0.1' },
    webServers: { on: 'web-1' },
    sessionServers: [{ name: 'remote', on: 'store-1', port, store: 'memory' }],
    cluster: { key: [KEY] },
  }
}

async function ownFolder(parent: string, scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(parent, 'troupe-bench-'))
  scope.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}
