/** `npm run bench:memory`: what a session takes in memory, all of its copies and everything around them counted. */
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { wholeNumberOption } from '../lib/cli/options.js'
import { type MemoryResult, memoryLines, type Stage } from './memory-report.js'
import { SESSION_BYTES } from './sessions/app-data.js'
import { BenchCluster } from './sessions/cluster.js'
import { beginSessions } from './sessions/visitors.js'
import { describeMachine } from './support/machine.js'

const SESSIONS_MAX = 10_000_000
const SERVERS_MAX = 16
const MIB = 1024 ** 2

interface Options {
  readonly sessions: number
  readonly webServers: number
  readonly cacheMib: number
  readonly idle: number
  readonly json?: string
}

await new Command('bench:memory')
  .description(
    `Begins sessions of ${SESSION_BYTES} bytes by HTTP in a cluster with two session servers in memory, and measures ` +
      'what they take. docs/performance.md says how to read it.',
  )
  .option('--sessions <number>', 'how many', wholeNumberOption(1, SESSIONS_MAX), 100_000)
  .option('--web-servers <number>', 'web servers', wholeNumberOption(1, SERVERS_MAX), 2)
  .option('--cache-mib <number>', 'cache.maxBytes of each web server', wholeNumberOption(1, 65_536), 4_096)
  .option(
    '--idle <seconds>',
    'how long nobody uses them before the last look',
    wholeNumberOption(0, 3_600),
    150,
  )
  .option('--json <file>', 'writes everything to a file as well')
  .action(run)
  .parseAsync()

async function run({ sessions, webServers, cacheMib, idle, json }: Options): Promise<void> {
  const machine = describeMachine()
  const cluster = await BenchCluster.start({ webServers, sessionServers: 2, cacheMaxBytes: cacheMib * MIB })
  try {
    const stages: Stage[] = []
    const look = async (name: string, collect: boolean): Promise<void> => {
      stages.push({ name, ...(await cluster.memory(collect)) })
    }
    await look('empty', true)
    const from = performance.now()
    await beginSessions(cluster.port, sessions, 0)
    const seconds = (performance.now() - from) / 1_000
    await look('all begun', false)
    await look('all begun, collected', true)
    if (idle > 0) {
      await wait(idle * 1_000)
      await look('idle', false)
      await look('idle, collected', true)
    }
    const { webServers: hosts, sessionServers: stores } = await cluster.status()
    const counts = { cached: sum(hosts), copied: sum(stores) }
    const result: MemoryResult = { sessions, bytes: SESSION_BYTES, webServers, seconds, counts, stages }
    for (const line of memoryLines(machine, loadavg(), result)) console.log(line)
    if (json !== undefined)
      await writeFile(json, `${JSON.stringify({ bench: 'memory', machine, ...result }, null, 2)}\n`)
  } finally {
    await cluster.stop()
  }
}

function sum(actors: readonly { readonly sessions: number }[]): number {
  return actors.reduce((total, { sessions }) => total + sessions, 0)
}
