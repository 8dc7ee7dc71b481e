/** Real clusters for tests: real threads, a real listener on a free port, stopped when the test ends. */
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { Test } from 'tap'
import { validateConfig } from '../../lib/config/validate.js'
import type { Cluster, ClusterStatus } from '../../lib/director/cluster.js'
import { start } from '../../lib/start.js'
import { until } from './until.js'

/** A cluster under test. */
export interface TestCluster extends Cluster {
  /** Log lines so far, parsed. */
  readonly logged: readonly { readonly msg: string; readonly [key: string]: unknown }[]
  /** Waits until everything runs, every partition is copied as configured, and web servers have their shares. */
  whole(): Promise<ClusterStatus>
}

/** @returns the path of a compiled app of test/support/apps */
export function appFile(name: string): string {
  return fileURLToPath(new URL(`apps/${name}.js`, import.meta.url))
}

/**
 * Starts a cluster with two web servers and the session servers a and b, unless the configuration says otherwise.
 * @param raw configuration as in a file; `app` may be the name of an app of test/support/apps
 */
export async function startCluster(t: Test, raw: Record<string, unknown> = {}): Promise<TestCluster> {
  const { app = 'counter', listen, webServers, session, ...rest } = raw
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
  const logged: { msg: string }[] = []
  const log = pino({ level: 'info' }, { write: line => logged.push(JSON.parse(line)) })
  const cluster = await start(config, { log })
  t.teardown(() => cluster.stop())
  const threads = config.webServers.threads
  const whole = async (): Promise<ClusterStatus> => {
    let status = await cluster.status()
    await until(async () => {
      status = await cluster.status()
      return isWhole(status, Math.floor(1024 / threads))
    })
    return status
  }
  return Object.assign(cluster, { logged, whole })
}

function isWhole({ webServers, sessionServers, partitions }: ClusterStatus, share: number): boolean {
  const allRun = [...webServers, ...sessionServers].every(({ state }) => state === 'running')
  const shared = webServers.every(({ partitions: owned }) => owned >= share)
  return allRun && shared && partitions.unowned === 0 && partitions.underCopied === 0
}
