/** Real clusters for tests: real threads, a real listener on a free port, stopped when the test ends. */
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { Config } from '../../lib/config/schema.js'
import { validateConfig } from '../../lib/config/validate.js'
import type { Cluster, ClusterStatus } from '../../lib/director/cluster.js'
import { start } from '../../lib/start.js'
import { until } from './until.js'

/** One line of a cluster's log. */
export interface LogLine {
  readonly msg: string
  readonly actor?: string
  readonly err?: { readonly code?: string; readonly message: string; readonly [key: string]: unknown }
  readonly [key: string]: unknown
}

/** A cluster under test. */
export interface TestCluster extends Cluster {
  /** Log lines so far, parsed. */
  readonly logged: readonly LogLine[]
  /** Waits until everything runs, every partition is copied as configured, and web servers have their shares. */
  whole(): Promise<ClusterStatus>
  /** Kills actors and waits until all of them are known to be lost. */
  lose(...names: string[]): Promise<void>
  /** Kills actors as often as they start, until what it returns is called. */
  keepDown(...names: string[]): Promise<() => void>
}

/** @returns the path of a compiled app of test/support/apps */
export function appFile(name: string): string {
  return fileURLToPath(new URL(`apps/${name}.js`, import.meta.url))
}

/**
 * Starts a cluster with two web servers and the session servers a and b, unless the configuration says otherwise.
 * @param raw configuration as in a file; `app` may be the name of an app of test/support/apps
 * @param reread what it is when the cluster is reloaded
 */
export async function startCluster(
  t: Pick<Test, 'teardown'>,
  raw: Record<string, unknown> = {},
  reread: () => Record<string, unknown> = () => raw,
): Promise<TestCluster> {
  const config = configOf(raw)
  const logged: LogLine[] = []
  const log = pino({ level: 'info' }, { write: line => logged.push(JSON.parse(line)) })
  const cluster = await start(config, { log, reread: async () => configOf(reread()) })
  t.teardown(() => cluster.stop())
  const whole = async (): Promise<ClusterStatus> => {
    let status = await cluster.status()
    await until(async () => {
      status = await cluster.status()
      return isWhole(status, Math.floor(status.partitions.total / status.webServers.length))
    })
    return status
  }
  const lose = async (...names: string[]): Promise<void> => {
    const before = await lives(cluster, names)
    for (const name of names) await cluster.kill(name)
    await until(async () => (await lives(cluster, names)).every((life, index) => life !== before[index]))
  }
  const keepDown = async (...names: string[]): Promise<() => void> => {
    const killing = setInterval(() => {
      for (const name of names) void cluster.kill(name)
    }, KILL_INTERVAL_MS)
    const letGo = () => clearInterval(killing)
    t.teardown(letGo)
    await until(async () => (await lives(cluster, names)).every(life => !life.startsWith('running')))
    return letGo
  }
  return Object.assign(cluster, { logged, whole, lose, keepDown })
}

function configOf({
  app = 'counter',
  listen,
  webServers,
  session,
  ...rest
}: Record<string, unknown>): Config {
  const { config } = validateConfig(
    {
      app: String(app).includes('/') ? app : appFile(String(app)),
      listen: { host: '127.0.0.1', port: 0, servedBy: true, ...(listen as object) },
      webServers: { threads: 2, ...(webServers as object) },
      session: { secret: 'a secret for tests only', ...(session as object) },
      ...rest,
    },
    { source: 'the test', folder: process.cwd(), env: process.env },
    {},
  )
  return config
}

/** Far below what a thread needs to start, ms. */
const KILL_INTERVAL_MS = 1

/** @returns for each actor a text that changes when it is lost, and when it is back */
async function lives(cluster: Cluster, names: readonly string[]): Promise<string[]> {
  const { webServers, sessionServers } = await cluster.status()
  const actors = [...webServers, ...sessionServers]
  return names.map(name => {
    const actor = actors.find(each => each.name === name)
    return `${actor?.state} after ${actor?.restarts} restarts`
  })
}

function isWhole({ webServers, sessionServers, partitions }: ClusterStatus, share: number): boolean {
  const allRun = [...webServers, ...sessionServers].every(({ state }) => state === 'running')
  const shared = webServers.every(({ partitions: owned }) => owned >= share)
  return allRun && shared && partitions.unowned === 0 && partitions.underCopied === 0
}

/** Something of each actor of a kind, by name. */
export function byName<T extends { readonly name: string }, V>(
  actors: readonly T[],
  of: (actor: T) => V,
): Record<string, V> {
  return Object.fromEntries(actors.map(actor => [actor.name, of(actor)]))
}

/** Sessions over all actors of a kind. */
export function sessionsOf(actors: readonly { readonly sessions: number }[]): number {
  return actors.reduce((sum, { sessions }) => sum + sessions, 0)
}
