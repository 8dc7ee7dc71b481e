/**
 * A soak: visitors come, count for a while and stay away, actors are killed, web servers are replaced, and all the time
 * memory, file descriptors and ports are sampled. Nothing of that may rise.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { start } from '../../lib/embedding/start.js'
import { appFile } from '../support/cluster.js'
import { Load } from '../support/load.js'
import type { Tally } from '../support/load-client.js'
import { until } from '../support/until.js'
import {
  FIGURES,
  type Figure,
  type Figures,
  figuresOf,
  type MeasuredCluster,
  sessionServersHeap,
} from './figures.js'
import { type Trend, trendOf } from './trend.js'

/** What a soak is made of. */
export interface SoakOptions {
  readonly minutes: number
  /** Time between two samples, ms. */
  readonly sampleMs?: number
  /** Mean rest of each of the clients between two requests, ms. */
  readonly pauseMs?: number
  /** Told of each sample. */
  readonly onSample?: (line: string) => void
}

/** What became of it. */
export interface SoakReport {
  readonly trends: ReadonlyMap<Figure, Trend>
  readonly samples: number
  readonly tally: Tally
  readonly disturbances: Readonly<Record<string, number>>
}

const CLIENTS = 24
/** Requests after which a visitor stays away: its session expires by itself. */
const SESSION_STEPS = 20
/** What is left of a visitor after this time, ms, is a tombstone at most. */
const TTL_MS = 60_000
/**
 * Of the samples: until caches are full and V8 has compiled whatever is used now and then, which takes a quarter of an
 * hour of the director's heap.
 */
const WARM_UP = 0.5
/** However slow the machine is. */
const SAMPLES_MIN = 8
const HEAP_LOOKS = 10

/** In turn, one between two samples: every second time nothing happens. */
const DISTURBANCES: Readonly<Record<string, (cluster: MeasuredCluster) => Promise<unknown>>> = {
  'a web server killed': cluster => killWebServer(cluster),
  'the session server in memory killed': cluster => kill(cluster, 'a'),
  'all web servers replaced': cluster => cluster.reload(),
  'another web server killed': cluster => killWebServer(cluster),
  'the session server on disk killed': cluster => kill(cluster, 'b'),
  'scaled to 3 and back': async cluster => {
    await cluster.scale(3)
    await cluster.scale(2)
  },
}

/** Reloads change their names. */
async function killWebServer(cluster: MeasuredCluster): Promise<void> {
  const { webServers } = await cluster.status()
  await kill(cluster, webServers[0]?.name ?? 'nobody')
}

/** Kills an actor and waits until that has been seen. */
async function kill(cluster: MeasuredCluster, name: string): Promise<void> {
  const restarts = async () => {
    const { webServers, sessionServers } = await cluster.status()
    return [...webServers, ...sessionServers].find(actor => actor.name === name)?.restarts ?? 0
  }
  const before = await restarts()
  await cluster.kill(name)
  await until(async () => (await restarts()) > before)
}

/** Runs one soak to its end. With `node --expose-gc` heaps are sampled after a collection. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { minutes, sampleMs = 10_000, pauseMs = 60, onSample } = options
  const folder = await mkdtemp(join(tmpdir(), 'troupe-soak-'))
  const cluster = await startCluster(folder)
  const load = new Load({
    url: cluster.url,
    clients: CLIENTS,
    sessions: 1,
    named: true,
    ...{ pauseMs, sessionSteps: SESSION_STEPS },
  })
  try {
    const samples: { atMs: number; figures: Figures }[] = []
    const disturbances: Record<string, number> = {}
    for (let round = 0; load.ranMs < minutes * 60_000 || samples.length < SAMPLES_MIN; round++) {
      if (round % 2 === 1) {
        const all = Object.entries(DISTURBANCES)
        const [name, disturb] = all[((round - 1) / 2) % all.length] ?? ['nothing', async () => undefined]
        await disturb(cluster)
        await whole(cluster)
        disturbances[name] = (disturbances[name] ?? 0) + 1
      }
      const figures = await figuresOf(cluster, await lowestHeap(cluster, sampleMs))
      samples.push({ atMs: load.ranMs, figures })
      onSample?.(describeSample(load.ranMs, figures))
    }
    const tally = await load.stop()
    const counted = samples.slice(Math.floor(samples.length * WARM_UP))
    const names = Object.keys(FIGURES) as Figure[]
    const trend = (name: Figure) =>
      trendOf(counted.map(({ atMs, figures }) => ({ atMs, value: figures[name] })))
    return {
      trends: new Map(names.map(name => [name, trend(name)])),
      samples: counted.length,
      tally,
      disturbances,
    }
  } finally {
    load.kill()
    await cluster.stop()
    await rm(folder, { recursive: true })
  }
}

async function startCluster(folder: string): Promise<MeasuredCluster> {
  const cluster = await start(
    {
      app: appFile('counter'),
      listen: { host: '127.0.0.1', port: 0, servedBy: true },
      webServers: { threads: 2 },
      sessionServers: [{ name: 'a' }, { name: 'b', store: 'lmdb', path: join(folder, 'b') }],
      session: { secret: 'a secret of this soak only', ttl: TTL_MS },
    },
    { log: false },
  )
  return cluster as MeasuredCluster
}

async function whole(cluster: MeasuredCluster): Promise<void> {
  await until(async () => {
    const { webServers, sessionServers, partitions } = await cluster.status()
    const allRun = [...webServers, ...sessionServers].every(({ state }) => state === 'running')
    return allRun && partitions.unowned === 0 && partitions.underCopied === 0
  })
}

/** Waits for so long. @returns the lowest that was seen meanwhile, which is close to what a collection would leave */
async function lowestHeap(cluster: MeasuredCluster, withinMs: number): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY
  for (let look = 0; look < HEAP_LOOKS || !Number.isFinite(lowest); look++) {
    await wait(withinMs / HEAP_LOOKS)
    lowest = Math.min(lowest, await sessionServersHeap(cluster))
  }
  return lowest
}

/** @returns the value for people */
export function shown(name: Figure, value: number): string {
  return FIGURES[name] === 'bytes' ? `${(value / 1024 / 1024).toFixed(2)} MiB` : value.toFixed(1)
}

function describeSample(atMs: number, figures: Figures): string {
  const values = (Object.keys(FIGURES) as Figure[]).map(name => shown(name, figures[name]))
  return `${(atMs / 60_000).toFixed(1)} min: ${values.join(', ')}`
}

/** The report as lines of Markdown. */
export function describeSoak({ trends, samples, tally, disturbances }: SoakReport): string[] {
  const rows = [...trends].map(([name, { mean, slopePerHour, uncertaintyPerHour, isFlat }]) => {
    const slope = `${shown(name, slopePerHour)} ± ${shown(name, uncertaintyPerHour)}`
    return `| ${name} | ${shown(name, mean)} | ${slope} | ${isFlat ? 'flat' : 'RISES'} |`
  })
  const disturbed = Object.entries(disturbances).map(([name, times]) => `${times} × ${name}`)
  return [
    '| figure | mean | slope per hour | verdict |',
    '|---|---|---|---|',
    ...rows,
    '',
    `${samples} samples after the warm-up; ${tally.requests} requests; ${disturbed.join(', ')}.`,
    `Violations: ${tally.violations.length === 0 ? 'none' : tally.violations.join('; ')}.`,
  ]
}
