/** A real cluster in a process of its own, started by {@link BenchCluster}, which talks to it over IPC. */
import { BroadcastChannel } from 'node:worker_threads'
import { pino } from 'pino'
import { validateConfig } from '../../lib/config/validate.js'
import type { Cluster, ClusterStatus } from '../../lib/director/cluster.js'
import { start } from '../../lib/start.js'
import { clockMs } from './clock.js'
import { FIGURES_CHANNEL, type FiguresMessage, nameThread, type ThreadFigures } from './thread-figures.js'

/** What the process can be asked for. */
export interface ClusterCalls {
  /** @returns the port */
  start(config: Record<string, unknown>): number
  status(): ClusterStatus
  kill(actor: string): null
  /** @returns every thread, the director's included */
  memory(collect: boolean): MemoryFigures
  stop(): null
}

/** What a whole process has in memory. */
export interface MemoryFigures {
  /** Of the process, as the system counts it, bytes. */
  readonly residentBytes: number
  readonly threads: readonly ThreadFigures[]
}

/** One call. */
export interface Call {
  readonly call: number
  readonly name: keyof ClusterCalls
  readonly argument: unknown
}

/** What has happened in the cluster. */
export interface Happened {
  readonly event: 'actor:ended' | 'takeover' | 'resynced'
  /** See {@link clockMs}. */
  readonly at: number
  /** The actor that ended; the owner that was lost. */
  readonly actor: string | null
  readonly durationMs: number | null
}

/** Its answer. */
export interface Answer {
  readonly call: number
  readonly value?: unknown
  readonly error?: string
}

nameThread('director')
let cluster: Cluster | null = null

async function carryOut({ name, argument }: Call): Promise<unknown> {
  switch (name) {
    case 'start':
      return await startCluster(argument as Record<string, unknown>)
    case 'status':
      return await running().status()
    case 'kill':
      await running().kill(argument as string)
      return null
    case 'memory':
      return await memory(argument === true)
    case 'stop':
      await cluster?.stop()
      return null
    default:
      return name satisfies never
  }
}

async function startCluster(raw: Record<string, unknown>): Promise<number> {
  const { config } = validateConfig(raw, { source: 'the bench', folder: process.cwd(), env: {} }, {})
  cluster = await start(config, { log: pino({ level: 'fatal' }) })
  cluster.on('actor:ended', ({ actor }) => tell('actor:ended', actor, null))
  cluster.on('takeover', ({ from, durationMs }) => tell('takeover', from, durationMs))
  cluster.on('resynced', ({ durationMs }) => tell('resynced', null, durationMs))
  return Number(new URL(cluster.url).port)
}

function tell(event: Happened['event'], actor: string | null, durationMs: number | null): void {
  process.send?.({ event, at: clockMs(), actor, durationMs } satisfies Happened)
}

function running(): Cluster {
  if (cluster === null) throw new Error('no cluster was started: call start first')
  return cluster
}

/** Looks at every thread; collections take turns, since each may need all cores. */
async function memory(collect: boolean): Promise<MemoryFigures> {
  const { webServers, sessionServers } = await running().status()
  let threads = await ask(
    { type: 'ask', thread: null, collect: false },
    1 + webServers.length + sessionServers.length,
  )
  if (collect) {
    const collected: ThreadFigures[] = []
    for (const { thread } of threads) collected.push(...(await ask({ type: 'ask', thread, collect }, 1)))
    threads = collected
  }
  return { residentBytes: process.memoryUsage.rss(), threads }
}

async function ask(question: FiguresMessage, answers: number): Promise<ThreadFigures[]> {
  const channel = new BroadcastChannel(FIGURES_CHANNEL)
  const figures: ThreadFigures[] = []
  await new Promise<void>(resolve => {
    channel.onmessage = (event: unknown) => {
      const { data } = event as { readonly data: FiguresMessage }
      if (data.type !== 'figures') return
      figures.push(data.figures)
      if (figures.length === answers) resolve()
    }
    channel.postMessage(question)
  })
  channel.close()
  return figures
}

process.on('message', (message: Call) => {
  const answer = (rest: object) => process.send?.({ call: message.call, ...rest } satisfies Answer)
  carryOut(message).then(
    value => answer({ value }),
    (error: unknown) =>
      answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.once('disconnect', () => process.exit())
