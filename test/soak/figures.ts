/** What a soak watches: memory, file descriptors and ports of a whole cluster that runs in this process. */
import { readdir } from 'node:fs/promises'
import { request } from 'undici'
import type { Cluster } from '../../lib/director/cluster.js'
import type { ClusterMeasures } from '../../lib/director/measured.js'

/** A cluster in this process: its director tells more there than an admin listener does. */
export type MeasuredCluster = Cluster & { measures(): Promise<ClusterMeasures> }

/** Unit of a figure. */
export type Unit = 'bytes' | 'count'

/** The figures, in the order of reports. */
export const FIGURES = {
  'heap of the director, after a collection': 'bytes',
  'heap of all web servers, after a collection': 'bytes',
  'heap of all session servers, lowest of the interval': 'bytes',
  'resident memory of the process': 'bytes',
  'open file descriptors': 'count',
  'message ports of the director': 'count',
  'message ports of all web servers': 'count',
  'sessions held by all session servers': 'count',
} as const satisfies Record<string, Unit>

export type Figure = keyof typeof FIGURES

/** One look at all of them. */
export type Figures = Readonly<Record<Figure, number>>

/** What a web server's thread tells: /memory of test/support/apps/counter.ts. */
interface ThreadMemory {
  readonly heapBytes: number
  readonly ports: number
}

/** Asks web servers in turn: so many times as many as there are reach all of them. */
const ROUNDS_MAX = 20

/**
 * @param sessionServersBytes lowest heap of all session servers since the last look: they can't be told to collect
 * @throws when some web server does not answer
 */
export async function figuresOf(cluster: MeasuredCluster, sessionServersBytes: number): Promise<Figures> {
  const threads = await webServersMemory(cluster)
  const { director, sessionServers } = await cluster.measures()
  globalThis.gc?.()
  const descriptors = await readdir('/proc/self/fd')
  return {
    'heap of the director, after a collection': process.memoryUsage().heapUsed,
    'heap of all web servers, after a collection': sumOf(threads, ({ heapBytes }) => heapBytes),
    'heap of all session servers, lowest of the interval': sessionServersBytes,
    'resident memory of the process': director.residentBytes,
    'open file descriptors': descriptors.length,
    'message ports of the director': process.getActiveResourcesInfo().filter(kind => kind === 'MessagePort')
      .length,
    'message ports of all web servers': sumOf(threads, ({ ports }) => ports),
    'sessions held by all session servers': sumOf(sessionServers, ({ stats }) => stats?.sessions ?? 0),
  }
}

/** @returns bytes of the heaps of all session servers now */
export async function sessionServersHeap(cluster: MeasuredCluster): Promise<number> {
  const { sessionServers } = await cluster.measures()
  return sumOf(sessionServers, ({ stats }) => stats?.heapUsedBytes ?? Number.POSITIVE_INFINITY)
}

async function webServersMemory(cluster: MeasuredCluster): Promise<ThreadMemory[]> {
  const { webServers } = await cluster.status()
  const found = new Map<string, ThreadMemory>()
  for (let tries = 0; found.size < webServers.length; tries++) {
    if (tries === ROUNDS_MAX * webServers.length) throw new Error(`only ${[...found.keys()]} told its memory`)
    const { headers, body } = await request(`${cluster.url}/memory`)
    found.set(String(headers['x-served-by']), (await body.json()) as ThreadMemory)
  }
  return [...found.values()]
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}
