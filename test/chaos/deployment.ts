/**
 * What chaos befalls: a web host, two session hosts with lmdb, a Redis and the clients, each a host of its own where this
 * machine lets it, every process a real one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import { appFile } from '../support/cluster.js'
import { AdminLink } from '../support/hosts/admin-link.js'
import { TestHost } from '../support/hosts/host.js'
import { makeNetwork, type TestNetwork } from '../support/hosts/network.js'
import { Load } from '../support/load.js'
import { SmallDisk } from '../support/mounts.js'
import { lacks } from '../support/programs.js'

export const WEB = 'web'
export const STORES = ['store-1', 'store-2'] as const
/** The host of the Redis. */
export const REDIS = 'redis'
export const CLIENTS = 'clients'
/** The session server of each store, in the order of {@link STORES}, and of the Redis. */
export const SESSION_SERVERS = ['a', 'b', 'r'] as const

const ENV = {
  TROUPE_SECRET: 'a secret of this chaos only',
  TROUPE_CLUSTER_KEY: 'a key of this chaos only, 32 or more characters',
}
/** Room for what a run stores, many times over, and soon filled. */
const DISK_SIZE = '24m'

/** What a deployment needs of whoever makes it: called in reverse order. */
export interface ChaosScope {
  teardown(end: () => unknown): unknown
}

/** A process with a name: a host of Troupe's, or the Redis. */
export interface ChaosProcess {
  readonly name: string
  start(): void
  kill(): Promise<void>
  stop(): Promise<unknown>
  signal(signal: NodeJS.Signals): void
}

/** Everything that chaos can get at. */
export interface ChaosDeployment {
  readonly network: TestNetwork
  readonly web: TestHost
  readonly stores: readonly TestHost[]
  /** Null where there is no redis-server. */
  readonly redis: ChaosProcess | null
  /** The file system of store-2, null where this user may not mount one. */
  readonly disk: SmallDisk | null
  readonly admin: AdminLink
  readonly load: Load
  readonly url: string
}

/** How it is set up. */
export interface ChaosSetup {
  readonly acks: 'one' | 'all'
  readonly clients: number
  readonly pauseMs: number
}

/** Starts everything. Resolves when the web host serves. */
export async function deploy(scope: ChaosScope, setup: ChaosSetup): Promise<ChaosDeployment> {
  const network = await makeNetwork([WEB, ...STORES, REDIS, CLIENTS])
  scope.teardown(() => network.close())
  const folder = await mkdtemp(join(tmpdir(), 'troupe-chaos-'))
  scope.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'data'))
  // Before any host starts: namespaces see what was mounted then.
  const disk = SmallDisk.mount(scope, DISK_SIZE)
  const redis =
    lacks('redis-server') === null ? new RedisHost(network, folder, await redisPort(network)) : null
  scope.teardown(() => redis?.kill())
  const ports = { web: await portOn(network, WEB, 8080), admin: await portOn(network, WEB, 9090) }
  const configFile = join(folder, 'troupe.json')
  await writeFile(configFile, JSON.stringify(await configOf(network, setup, { ports, folder, disk, redis })))
  const host = (name: string) => {
    const made = new TestHost({ name, configFile, command: network.commandOn(name), env: ENV })
    scope.teardown(() => made.kill())
    return made
  }
  const stores = STORES.map(host)
  const web = host(WEB)
  await web.says('open ')
  const admin = new AdminLink(`http://127.0.0.1:${ports.admin}`, network.commandOn(WEB))
  scope.teardown(() => admin.close())
  const url = `http://${network.addressOf(WEB)}:${ports.web}`
  const load = new Load(
    {
      ...{ url, clients: setup.clients, sessions: 4, pauseMs: setup.pauseMs },
      ...{ named: true, faults: 'any', answerWithinMs: 8_000 },
    },
    network.commandOn(CLIENTS),
  )
  scope.teardown(() => load.kill())
  return { network, web, stores, redis, disk, admin, load, url }
}

/** @returns whether everything runs and every partition is copied as configured */
export function isWhole({ webServers, sessionServers, partitions }: ClusterStatus): boolean {
  const allRun = [...webServers, ...sessionServers].every(({ state }) => state === 'running')
  return allRun && partitions.unowned === 0 && partitions.underCopied === 0
}

interface Places {
  readonly ports: { readonly web: number; readonly admin: number }
  readonly folder: string
  readonly disk: SmallDisk | null
  readonly redis: RedisHost | null
}

async function configOf(network: TestNetwork, { acks }: ChaosSetup, places: Places): Promise<object> {
  const { ports, folder, disk, redis } = places
  const [a, b, r] = SESSION_SERVERS
  const paths = [join(folder, 'data', a), join(disk?.path ?? join(folder, 'data'), b)]
  const lmdb = await Promise.all(
    STORES.map(async (on, index) => {
      const port = await network.freePort(on)
      return { name: [a, b][index], on, port, store: 'lmdb', path: paths[index] }
    }),
  )
  return {
    app: appFile('counter'),
    listen: { host: network.addressOf(WEB), port: ports.web, parkTimeout: '5s' },
    hosts: Object.fromEntries([WEB, ...STORES].map(name => [name, network.addressOf(name)])),
    webServers: { on: WEB, threads: 2, hangTimeout: '2s', heapMb: 64 },
    sessionServers: redis === null ? lmdb : [...lmdb, { name: r, store: 'redis', redis: redis.url }],
    replication: { copies: 2, acks },
    session: { secret: '$' + '{TROUPE_SECRET}' },
    cluster: { key: '$' + '{TROUPE_CLUSTER_KEY}', timeout: '2s' },
    admin: { port: ports.admin },
    startTimeout: '20s',
    drainTimeout: '5s',
  }
}

/** In a namespace every port is free. */
async function portOn(network: TestNetwork, host: string, port: number): Promise<number> {
  return network.canCut ? port : await network.freePort(host)
}

function redisPort(network: TestNetwork): Promise<number> {
  return portOn(network, REDIS, 6379)
}

/** A Redis on a host of its own that has on disk whatever it has acknowledged. */
class RedisHost implements ChaosProcess {
  readonly name = REDIS
  readonly url: string
  readonly #command: readonly string[]
  #child: ChildProcess | null = null

  constructor(network: TestNetwork, folder: string, port: number) {
    const address = network.addressOf(REDIS)
    this.url = `redis://${address}:${port}`
    const where = ['--port', String(port), '--bind', address, '--dir', folder, '--protected-mode', 'no']
    const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
    this.#command = [...network.commandOn(REDIS), 'redis-server', ...where, ...durable]
    this.start()
  }

  start(): void {
    const [program = '', ...args] = this.#command
    this.#child = spawn(program, args, { stdio: 'ignore' })
  }

  kill(): Promise<void> {
    return this.#endBy('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#endBy('SIGTERM')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async #endBy(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}
