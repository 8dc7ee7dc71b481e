/** `npm run bench:resync`: how fast copies are made anew when a session server was lost, and what clients notice. */
import { writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { wholeNumberOption } from '../lib/cli/options.js'
import { table } from './memory-report.js'
import { clockMs } from './sessions/clock.js'
import { BenchCluster, isWhole } from './sessions/cluster.js'
import { numbers, SESSIONS_MAX } from './sessions/options.js'
import { latencyText, type Sample, SteadyLoad } from './sessions/steady-load.js'
import { beginSessions } from './sessions/visitors.js'
import { describeMachine } from './support/machine.js'

/** Sessions whose visitors come back meanwhile. */
const RETURNING = 4_000
const MIB = 1024 ** 2

interface Options {
  readonly sessions: readonly number[]
  readonly rate: number
  readonly seconds: number
  readonly cacheMib: number
  readonly json?: string
}

/** One loss. */
interface Resync {
  readonly sessions: number
  /** From the loss being known until every session had two copies again, ms. */
  readonly resyncMs: number
  readonly before: readonly Sample[]
  readonly during: readonly Sample[]
  readonly failed: number
}

await new Command('bench:resync')
  .description('Kills one of two session servers in memory. docs/performance.md says how to read it.')
  .option(
    '--sessions <numbers>',
    'how many there are, each a line of its own',
    numbers(SESSIONS_MAX),
    [10_000, 100_000],
  )
  .option('--rate <number>', 'requests per second meanwhile', wholeNumberOption(1, 10_000), 400)
  .option('--seconds <number>', 'how long before the loss', wholeNumberOption(1, 60), 4)
  .option(
    '--cache-mib <number>',
    'cache.maxBytes of each web server: less than all sessions take makes owners read',
    wholeNumberOption(1, 65_536),
    4_096,
  )
  .option('--json <file>', 'writes every figure to a file as well')
  .action(run)
  .parseAsync()

async function run({ sessions, rate, seconds, cacheMib, json }: Options): Promise<void> {
  const machine = describeMachine()
  const resyncs: Resync[] = []
  for (const count of sessions) resyncs.push(await measure(count, rate, seconds * 1_000, cacheMib * MIB))
  const load = machine.load.map(average => average.toFixed(2)).join(', ')
  const lines = [
    `Resync: one of two session servers is lost, and starts empty; ${rate} requests/s meanwhile, each changing its session`,
    `${machine.cores} cores (${machine.model}), ${machine.system}, Node ${machine.node}, load average before: ${load}`,
    '',
    ...table([
      ['sessions', 'resync, s', 'sessions/s', 'before', 'during', 'failed'],
      ...resyncs.map(({ sessions, resyncMs, before, during, failed }) => [
        String(sessions),
        (resyncMs / 1_000).toFixed(2),
        ((sessions / resyncMs) * 1_000).toFixed(0),
        ...[before, during].map(latencyText),
        String(failed),
      ]),
    ]),
    '',
    'Resync: from the loss being known until every session has two copies again, the start of the new thread included.',
    'Latencies of requests: p50 / p99 / longest, ms.',
  ]
  for (const line of lines) console.log(line)
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ bench: 'resync', machine, resyncs })}\n`)
}

async function measure(sessions: number, rate: number, ms: number, cacheMaxBytes: number): Promise<Resync> {
  const cluster = await BenchCluster.start({ webServers: 2, sessionServers: 2, cacheMaxBytes })
  try {
    const returning = await beginSessions(cluster.port, sessions, RETURNING)
    let [known, resynced] = [0, 0]
    const samples = await new SteadyLoad(cluster.port, returning, rate).during(async () => {
      await wait(ms)
      const killedAt = clockMs()
      await cluster.kill('b')
      known = (await cluster.event('actor:ended', killedAt, 'b')).at
      resynced = (await cluster.event('resynced', known)).at
      await cluster.until(isWhole)
    })
    return {
      sessions,
      resyncMs: resynced - known,
      before: samples.filter(({ at }) => at < known - 100),
      during: samples.filter(({ at }) => at >= known && at < resynced),
      failed: samples.filter(({ status }) => status !== 204).length,
    }
  } finally {
    await cluster.stop()
  }
}
