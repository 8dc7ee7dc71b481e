/** One web host and three session hosts from one config file, each with its own address: hosts fail under load. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import { appFile } from '../support/cluster.js'
import { AdminLink } from '../support/hosts/admin-link.js'
import { TestHost } from '../support/hosts/host.js'
import { makeNetwork, type TestNetwork } from '../support/hosts/network.js'
import { Load } from '../support/load.js'
import { failuresOf, type Tally } from '../support/load-client.js'
import { until } from '../support/until.js'

const WEB = 'web-1'
const STORES = ['store-1', 'store-2', 'store-3'] as const
const CLIENTS = 'clients'

/** Of pino. */
const WARN = 40
/** Increments under each condition. */
const INCREMENTS = 150
/** Rest of a client between two requests, ms: leaves the machine something for six processes and the tests that run beside. */
const PAUSE_MS = 10
const ENV = {
  TROUPE_SECRET: 'a secret of this test only',
  TROUPE_CLUSTER_KEY: 'a key of this test only, 32 or more characters',
}

interface Deployment {
  readonly network: TestNetwork
  readonly web: TestHost
  readonly stores: ReadonlyMap<string, TestHost>
  readonly admin: AdminLink
  readonly load: Load
}

/** How one host fails, and how it comes back. */
interface HostFault {
  readonly name: string
  fail(host: TestHost, network: TestNetwork): Promise<void>
  heal(host: TestHost, network: TestNetwork): Promise<void>
}

const FAULTS: readonly HostFault[] = [
  {
    name: 'killed, and started again with its old disk',
    fail: host => host.kill(),
    heal: async host => host.start(),
  },
  {
    name: 'stopped by SIGSTOP, and continued',
    fail: async host => host.signal('SIGSTOP'),
    heal: async host => host.signal('SIGCONT'),
  },
  {
    name: 'cut off by dropping packets, and let back',
    fail: (host, network) => network.cut(host.name),
    heal: (host, network) => network.mend(host.name),
  },
  {
    name: 'stopped in order, and started again with its old disk',
    fail: async host => {
      await host.stop()
    },
    heal: async host => host.start(),
  },
]

t.test(
  'hosts are killed, stopped and cut off under load: no acknowledged change is lost, and only requests that may fail do',
  { timeout: 170_000 },
  async t => {
    const network = await makeNetwork([WEB, ...STORES, CLIENTS])
    t.teardown(() => network.close())
    t.comment(`hosts are ${network.description}`)
    const deployment = await deploy(t, network)
    tellWhenFailed(t, deployment)
    const { stores, admin, load } = deployment
    await whole(deployment)
    let before = await afterIncrements(load, INCREMENTS)
    const faults = FAULTS.filter(fault => network.canCut || !fault.name.startsWith('cut off'))
    for (const [index, fault] of faults.entries()) {
      const host = stores.get(STORES[index % STORES.length] ?? '')
      if (host === undefined) throw new Error('every session host runs')
      const startedAt = performance.now()
      await fault.fail(host, network)
      await until(async () => stateOn(host.name, await admin.status()) !== 'running')
      const noticedMs = performance.now() - startedAt
      await afterIncrements(load, INCREMENTS)
      // A takeover while one host is away, and another as soon as it is back: every copy is asked for.
      await loseWebServer(deployment, 'web-1')
      await afterIncrements(load, INCREMENTS)
      const healedAt = performance.now()
      await fault.heal(host, network)
      await whole(deployment)
      const wholeMs = performance.now() - healedAt
      await loseWebServer(deployment, 'web-2')
      await whole(deployment)
      const after = await afterIncrements(load, INCREMENTS)
      t.comment(
        `${host.name} ${fault.name}: noticed after ${Math.round(noticedMs)} ms, whole ${Math.round(wholeMs)} ms after ` +
          `its return; ${after.requests - before.requests} requests, ${failuresOf(after) - failuresOf(before)} failed`,
      )
      before = after
      if (after.violations.length > 0) break
    }
    const tally = await load.stop()
    t.comment(`${tally.requests} requests, failures: ${JSON.stringify(tally.failures)}`)
    t.same(tally.violations, [])
    t.ok(tally.increments > INCREMENTS * 3 * faults.length)
    t.equal(await deployment.web.stop(), 0, 'the web host stops in order')
    for (const store of stores.values()) t.equal(await store.stop(), 0, `${store.name} stops in order`)
  },
)

/** What the hosts logged is all that is left of a failure that can't be repeated. */
function tellWhenFailed(t: Test, { web, stores }: Deployment): void {
  t.teardown(() => {
    if (t.passing()) return
    for (const host of [web, ...stores.values()]) {
      const errors = host.logged.filter(({ level }) => Number(level) >= WARN)
      for (const line of errors.slice(-10))
        t.comment(`${host.name}: ${line.msg} ${line.actor ?? ''} ${line.err?.message ?? ''}`)
      for (const line of host.printed.slice(-10)) t.comment(`${host.name}: ${line}`)
    }
  })
}

async function deploy(t: Test, network: TestNetwork): Promise<Deployment> {
  const folder = t.testdir({})
  const configFile = join(folder, 'troupe.json')
  await mkdir(join(folder, 'data'))
  await writeFile(configFile, JSON.stringify(await configOf(network)))
  const host = (name: string) => {
    const made = new TestHost({ name, configFile, command: network.commandOn(name), env: ENV })
    t.teardown(() => made.kill())
    return made
  }
  const web = host(WEB)
  const stores = new Map(STORES.map(name => [name, host(name)]))
  const { url, adminUrl } = await web.says('open ')
  const admin = new AdminLink(String(adminUrl), network.commandOn(WEB))
  t.teardown(() => admin.close())
  const load = new Load(
    { url: String(url), clients: 12, sessions: 4, named: true, pauseMs: PAUSE_MS },
    network.commandOn(CLIENTS),
  )
  t.teardown(() => load.kill())
  return { network, web, stores, admin, load }
}

async function configOf(network: TestNetwork): Promise<object> {
  const sessionServers = STORES.map(async (on, index) => {
    const name = 'abc'.charAt(index)
    return { name, on, port: await network.freePort(on), store: 'lmdb', path: `data/${name}` }
  })
  return {
    app: appFile('counter'),
    listen: { host: network.addressOf(WEB), port: 0 },
    hosts: Object.fromEntries([WEB, ...STORES].map(name => [name, network.addressOf(name)])),
    webServers: { on: WEB, threads: 2, hangTimeout: '20s' },
    sessionServers: await Promise.all(sessionServers),
    session: { secret: '$' + '{TROUPE_SECRET}' },
    cluster: { key: '$' + '{TROUPE_CLUSTER_KEY}', timeout: '1s' },
    admin: { port: 0 },
  }
}

/** Kills a web server and waits until its replacement runs. */
async function loseWebServer({ admin }: Deployment, name: string): Promise<void> {
  const lives = async () => (await admin.status()).webServers.find(server => server.name === name)
  const restarts = (await lives())?.restarts ?? 0
  await admin.kill(name)
  await until(async () => {
    const now = await lives()
    return now?.state === 'running' && now.restarts > restarts
  })
}

/** Waits until everything runs and every partition is copied as configured. */
async function whole({ admin }: Deployment): Promise<void> {
  await until(async () => {
    const { webServers, sessionServers, partitions } = await admin.status()
    const allRun = [...webServers, ...sessionServers].every(({ state }) => state === 'running')
    return allRun && partitions.unowned === 0 && partitions.underCopied === 0
  })
}

function stateOn(host: string, { sessionServers }: ClusterStatus): string | undefined {
  return sessionServers.find(server => server.host === host)?.state
}

/** Waits until the load has been acknowledged so many increments more, or has found a violation. */
async function afterIncrements(load: Load, increments: number): Promise<Tally> {
  const goal = (await load.report()).increments + increments
  let tally = await load.report()
  await until(async () => {
    tally = await load.report()
    return tally.increments >= goal || tally.violations.length > 0
  })
  return tally
}
