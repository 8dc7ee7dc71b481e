/** `npm run bench:takeover`: how long clients notice that a web server died, by the number of sessions it hosted. */
import { writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { wholeNumberOption } from '../lib/cli/options.js'
import { table } from './memory-report.js'
import { clockMs } from './sessions/clock.js'
import { BenchCluster } from './sessions/cluster.js'
import { numbers, SESSIONS_MAX } from './sessions/options.js'
import { latencyText, type Sample, SteadyLoad } from './sessions/steady-load.js'
import { type Begun, beginSessions } from './sessions/visitors.js'
import { describeMachine } from './support/machine.js'

/** Sessions whose visitors come back while the web server dies. */
const RETURNING = 4_000
const CACHE_BYTES = 4 * 1024 ** 3
const LOST = 'web-1'

interface Options {
  readonly sessions: readonly number[]
  readonly rate: number
  readonly seconds: number
  readonly json?: string
}

/** One takeover. */
interface Takeover {
  readonly sessions: number
  /** From the death being known until every partition was served again, ms. */
  readonly takeoverMs: number
  /** From then until all copies were known to be the same again, and everything cached, ms. */
  readonly resyncMs: number
  /** From the death being known until the first of its sessions was answered, ms. */
  readonly firstAnswerMs: number
  readonly before: readonly Sample[]
  /** The first request of each session of the dead web server after the death was known. */
  readonly first: readonly Sample[]
  /** Requests of sessions of other web servers, until everything was as before. */
  readonly others: readonly Sample[]
  /** Requests of any session that were answered with something else than 204, or not at all. */
  readonly failed: number
}

await new Command('bench:takeover')
  .description(
    'Kills one of two web servers while visitors come back. docs/performance.md says how to read it.',
  )
  .option(
    '--sessions <numbers>',
    'how many there are, each a line of its own',
    numbers(SESSIONS_MAX),
    [10_000, 100_000],
  )
  .option('--rate <number>', 'requests per second meanwhile', wholeNumberOption(1, 10_000), 400)
  .option(
    '--seconds <number>',
    'how long before the death and after the takeover',
    wholeNumberOption(1, 60),
    4,
  )
  .option('--json <file>', 'writes every figure to a file as well')
  .action(run)
  .parseAsync()

async function run({ sessions, rate, seconds, json }: Options): Promise<void> {
  const machine = describeMachine()
  const takeovers: Takeover[] = []
  for (const count of sessions) takeovers.push(await measure(count, rate, seconds * 1_000))
  const load = machine.load.map(average => average.toFixed(2)).join(', ')
  const lines = [
    `Takeover: one of two web servers dies; ${rate} requests/s of ${RETURNING} sessions, each changing its session`,
    `${machine.cores} cores (${machine.model}), ${machine.system}, Node ${machine.node}, load average before: ${load}`,
    '',
    ...table([
      [
        'sessions',
        'served again, ms',
        'first answer, ms',
        'first requests',
        'before',
        'others',
        'failed',
        'settled, s',
      ],
      ...takeovers.map(({ sessions, takeoverMs, firstAnswerMs, first, before, others, failed, resyncMs }) => [
        String(sessions),
        takeoverMs.toFixed(1),
        firstAnswerMs.toFixed(1),
        ...[first, before, others].map(latencyText),
        String(failed),
        (resyncMs / 1_000).toFixed(1),
      ]),
    ]),
    '',
    'Times begin when the death is known. Latencies: p50 / p99 / longest, ms. First requests: the first after that of each',
    'session of the web server that died. Others: requests of the other web server, until all copies were settled again.',
  ]
  for (const line of lines) console.log(line)
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ bench: 'takeover', machine, takeovers })}\n`)
}

async function measure(sessions: number, rate: number, ms: number): Promise<Takeover> {
  const cluster = await BenchCluster.start({ webServers: 2, sessionServers: 2, cacheMaxBytes: CACHE_BYTES })
  try {
    const returning = await beginSessions(cluster.port, sessions, RETURNING)
    let [known, takeoverMs, settledAt] = [0, 0, 0]
    const samples = await new SteadyLoad(cluster.port, shuffled(returning), rate).during(async () => {
      await wait(ms)
      const killedAt = clockMs()
      await cluster.kill(LOST)
      known = (await cluster.event('actor:ended', killedAt, LOST)).at
      takeoverMs = (await cluster.event('takeover', killedAt, LOST)).durationMs ?? 0
      await wait(ms)
      settledAt = (await cluster.event('resynced', killedAt)).at
    })
    return { sessions, takeoverMs, ...figuresOf(samples, known, settledAt) }
  } finally {
    await cluster.stop()
  }
}

function figuresOf(
  samples: readonly Sample[],
  known: number,
  settledAt: number,
): Omit<Takeover, 'sessions' | 'takeoverMs'> {
  const seen = new Set<Begun>()
  const first: Sample[] = []
  for (const sample of samples.toSorted((a, b) => a.at - b.at)) {
    const { session, at } = sample
    if (at < known || session.webServer !== LOST || seen.has(session)) continue
    seen.add(session)
    first.push(sample)
  }
  return {
    resyncMs: settledAt - known,
    firstAnswerMs:
      Math.min(...first.filter(({ status }) => status === 204).map(({ at, ms }) => at + ms)) - known,
    before: samples.filter(({ at }) => at < known - 100),
    first,
    others: samples.filter(({ at, session }) => at >= known && at < settledAt && session.webServer !== LOST),
    failed: samples.filter(({ status }) => status !== 204).length,
  }
}

/** Those of one web server are not to come one after the other. */
function shuffled(sessions: readonly Begun[]): Begun[] {
  const step = 997
  return sessions.map((session, index) => sessions[(index * step) % sessions.length] ?? session)
}
