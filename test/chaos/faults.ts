/** Everything that befalls a deployment: each fault with whom it hits, and how it is over. */
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import type { Random } from '../simulation/random.js'
import {
  type ChaosDeployment,
  type ChaosProcess,
  CLIENTS,
  SESSION_SERVERS,
  STORES,
  WEB,
} from './deployment.js'

/** What a row of the timeline shows for a while. */
export type Condition = 'down' | 'suspended' | 'cut off' | 'rough' | 'full'

/** What faults are given. */
export interface ChaosContext {
  readonly deployment: ChaosDeployment
  readonly random: Random
  /** Records that something is in a condition while `run` runs. */
  during(row: string, condition: Condition, run: () => Promise<void>): Promise<void>
  /** What may happen while a session host is away: waits until that is noticed, and perhaps lets a web server die. */
  meanwhile(): Promise<void>
}

/** One kind of fault. */
export interface ChaosFault {
  readonly name: string
  /** The first word of its row: what it hits. */
  readonly of: 'web server' | 'session server' | 'host' | 'network' | 'disk' | 'operator'
  /** Whether it can be had here. */
  possible(deployment: ChaosDeployment): boolean
  /** @returns whom it hit */
  run(context: ChaosContext): Promise<string>
}

/** Longest wait until a deadly fault has killed, ms: a heap takes its time to be exhausted. */
const DEATH_WITHIN_MS = 15_000

const always = () => true
const cuttable = ({ network }: ChaosDeployment) => network.canCut

/** Those of web servers, which may also happen while something else is away. */
export const WEB_SERVER_FAULTS: readonly ChaosFault[] = [
  appFault('an uncaught error', '/throw'),
  appFault('an endless loop', '/hang'),
  appFault('an exhausted heap', '/exhaust'),
  appFault('process.exit in the app', '/exit'),
  {
    name: 'a web server is killed',
    of: 'web server',
    possible: always,
    run: async ({ deployment, random }) => {
      const name = random.pick(await webServersOf(deployment)) ?? 'web-1'
      return await kill(deployment, name)
    },
  },
  {
    name: 'all web servers are killed',
    of: 'web server',
    possible: always,
    run: async ({ deployment }) => await kill(deployment, ...(await webServersOf(deployment))),
  },
]

const OTHER_FAULTS: readonly ChaosFault[] = [
  {
    name: "a session server's thread is killed",
    of: 'session server',
    possible: always,
    run: ({ deployment, random }) => kill(deployment, random.pick(SESSION_SERVERS) ?? 'a'),
  },
  awayFault('SIGKILL and a new start', 'down', {
    fail: host => host.kill(),
    heal: async host => host.start(),
  }),
  awayFault('SIGTERM and a new start', 'down', {
    fail: async host => void (await host.stop()),
    heal: async host => host.start(),
  }),
  awayFault('SIGSTOP, and SIGCONT when it counts as lost', 'suspended', {
    fail: async host => host.signal('SIGSTOP'),
    heal: async host => host.signal('SIGCONT'),
  }),
  {
    name: 'SIGSTOP, and SIGCONT before that is noticed',
    of: 'host',
    possible: always,
    run: context => suspend(context, storageOf(context), context.random.between(100, 1_500)),
  },
  {
    name: 'SIGSTOP and SIGCONT of the web host',
    of: 'host',
    possible: always,
    run: context => suspend(context, context.deployment.web, context.random.between(300, 2_500)),
  },
  {
    name: 'SIGKILL of the web host and a new start',
    of: 'host',
    possible: always,
    run: async ({ deployment: { web }, during }) => {
      await during(WEB, 'down', () => web.kill())
      web.start()
      return WEB
    },
  },
  {
    name: 'a session host is cut off and let back',
    of: 'network',
    possible: cuttable,
    run: async ({ deployment: { network }, random, during, meanwhile }) => {
      const host = random.pick(STORES) ?? STORES[0]
      await during(host, 'cut off', async () => {
        await network.cut(host)
        await meanwhile()
        await network.mend(host)
      })
      return host
    },
  },
  {
    name: 'a link that goes up and down loses packets',
    of: 'network',
    possible: cuttable,
    run: async ({ deployment: { network }, random, during }) => {
      const host = random.pick([...STORES, CLIENTS]) ?? STORES[0]
      await during(host, 'rough', async () => {
        for (let times = random.between(4, 10); times > 0; times--) {
          await network.cut(host)
          await wait(random.between(20, 150))
          await network.mend(host)
          await wait(random.between(50, 250))
        }
      })
      return host
    },
  },
  {
    name: 'packets are late and lost',
    of: 'network',
    possible: cuttable,
    run: async ({ deployment: { network }, random, during }) => {
      const host = random.pick([...STORES, CLIENTS, WEB]) ?? STORES[0]
      await during(host, 'rough', async () => {
        await network.roughen(host)
        await wait(random.between(1_500, 4_000))
        await network.smooth(host)
      })
      return host
    },
  },
  {
    name: 'the clients are cut off and let back',
    of: 'network',
    possible: cuttable,
    run: async ({ deployment: { network }, random, during }) => {
      await during(CLIENTS, 'cut off', async () => {
        await network.cut(CLIENTS)
        await wait(random.between(300, 2_000))
        await network.mend(CLIENTS)
      })
      return CLIENTS
    },
  },
  {
    name: 'a full disk, and room again',
    of: 'disk',
    possible: ({ disk }) => disk !== null,
    run: async ({ deployment: { disk }, during, meanwhile }) => {
      const ballast = join(disk?.path ?? '', 'ballast')
      await during(STORES[1], 'full', async () => {
        // Whatever it says, the disk is full then.
        await writeFile(ballast, Buffer.alloc(64 * 1024 * 1024)).catch(() => undefined)
        await meanwhile()
        await truncate(ballast, 0)
      })
      return STORES[1]
    },
  },
  {
    name: 'all web servers are replaced',
    of: 'operator',
    possible: always,
    run: async ({ deployment }) => {
      await deployment.admin.send('POST', '/reload')
      return WEB
    },
  },
  {
    name: 'another number of web servers',
    of: 'operator',
    possible: always,
    run: async ({ deployment, random }) => {
      const count = random.between(1, 4)
      await deployment.admin.send('POST', '/scale', { webServers: count })
      return `${WEB}: ${count}`
    },
  },
]

/** All kinds. */
export const FAULTS: readonly ChaosFault[] = [...WEB_SERVER_FAULTS, ...OTHER_FAULTS]

/** POST, so that no fault is carried out a second time at the next owner. */
function appFault(name: string, path: string): ChaosFault {
  return {
    name: `${name} in a web server`,
    of: 'web server',
    possible: always,
    run: async ({ deployment }) => {
      const before = await deathsOf(deployment)
      await deployment.admin.send('POST', `${deployment.url}${path}`)
      await untilMoreDied(deployment, before)
      return WEB
    },
  }
}

/** Kills actors, and waits until that has been seen. */
async function kill(deployment: ChaosDeployment, ...names: readonly string[]): Promise<string> {
  const before = await deathsOf(deployment)
  for (const name of names) await deployment.admin.kill(name)
  await untilMoreDied(deployment, before)
  return names.join(' ')
}

/** How often actors were started again; null when the web host does not answer. */
async function deathsOf({ admin }: ChaosDeployment): Promise<number | null> {
  const { status, body } = await admin.send('GET', '/status')
  if (status !== 200) return null
  const { webServers, sessionServers } = body as ClusterStatus
  return [...webServers, ...sessionServers].reduce((sum, { restarts }) => sum + restarts, 0)
}

/** A web host whose whole process has ended has had it, too. */
async function untilMoreDied(deployment: ChaosDeployment, before: number | null): Promise<void> {
  const end = performance.now() + DEATH_WITHIN_MS
  while (performance.now() < end) {
    const now = await deathsOf(deployment)
    if (now === null || before === null || now > before) return
    await wait(20)
  }
}

/** A session host, or the Redis, is away until that has been noticed, and for a while. */
function awayFault(
  name: string,
  condition: Condition,
  { fail, heal }: Record<'fail' | 'heal', (host: ChaosProcess) => Promise<void>>,
): ChaosFault {
  return {
    name: `${name} of a session host`,
    of: 'host',
    possible: always,
    run: async context => {
      const host = storageOf(context)
      await context.during(host.name, condition, async () => {
        await fail(host)
        await context.meanwhile()
        await heal(host)
      })
      return host.name
    },
  }
}

async function suspend({ during }: ChaosContext, host: ChaosProcess, forMs: number): Promise<string> {
  await during(host.name, 'suspended', async () => {
    host.signal('SIGSTOP')
    await wait(forMs)
    host.signal('SIGCONT')
  })
  return host.name
}

function storageOf({ deployment: { stores, redis }, random }: ChaosContext): ChaosProcess {
  const all: ChaosProcess[] = [...stores, ...(redis === null ? [] : [redis])]
  const host = random.pick(all)
  if (host === undefined) throw new RangeError('a deployment needs a session host')
  return host
}

async function webServersOf({ admin }: ChaosDeployment): Promise<string[]> {
  return (await admin.status()).webServers.map(({ name }) => name)
}
