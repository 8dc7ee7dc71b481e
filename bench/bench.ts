/** `npm run bench`: Troupe beside what its users would otherwise run. docs/performance.md says how to read it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { wholeNumberOption } from '../lib/cli/options.js'
import { PAGE_IMAGES, writePage } from './document.js'
import { PEER_NAMES, PEERS, type PeerName } from './peers/peers.js'
import { BLOCK_NAMES, type Block, type BlockName, fullPlan, smokePlan, targetPlan } from './plan.js'
import { plotsOf, writePlots } from './plots/plots.js'
import { headLines, minutesOf, type Report, reportOf, resultLines, sampleLine } from './report.js'
import { type RunOptions, runPlan } from './run.js'
import { describeMachine } from './support/machine.js'
import { versions } from './versions.js'

const ROUNDS_MAX = 100
const SECONDS_MAX = 600
const CONNECTIONS_MAX = 1_000
const WEB_SERVERS_MAX = 64
/** Code that has just been loaded is compiled while it runs, s. */
const FIRST_WARM_UP_SECONDS = 3
const WARM_UP_SECONDS = 1
/** As little as still shows whether it works; the load web-servers has more of them. */
const SMOKE: Options = { ...{ rounds: 1, seconds: 0.3, connections: 4, webServers: 1 }, peers: PEER_NAMES }

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  readonly webServers: number
  readonly peers: readonly PeerName[]
  readonly blocks?: readonly BlockName[]
  readonly targets?: true
  readonly smoke?: true
  readonly folder?: string
  readonly json?: string
  readonly images?: string
  readonly write?: true
}

await new Command('bench')
  .description('Measures Troupe and its peers side by side, in alternating rounds.')
  .option('--rounds <number>', 'rounds; the servers take turns in each', wholeNumberOption(1, ROUNDS_MAX), 3)
  .option('--seconds <number>', 'time counted of each measurement, s', seconds, 3)
  .option('--connections <number>', 'connections at once', wholeNumberOption(1, CONNECTIONS_MAX), 64)
  .option(
    '--web-servers <number>',
    'web servers of Troupe and processes of node:cluster; by default as Troupe decides it',
    wholeNumberOption(1, WEB_SERVERS_MAX),
    Math.max(2, availableParallelism() - 1),
  )
  .option('--peers <names>', `some of ${PEER_NAMES.join(',')}`, someOf(PEER_NAMES), PEER_NAMES)
  .option('--loads <names>', `some of ${BLOCK_NAMES.join(',')}`, someOf(BLOCK_NAMES), BLOCK_NAMES)
  .option('--targets', 'only what the target table asks for')
  .addOption(
    new Option(
      '--smoke',
      'every server and every load for a moment: whether they work, no figures',
    ).conflicts('write'),
  )
  .option('--folder <path>', 'where lmdb keeps its copies: an existing folder on the disk to be measured')
  .option('--json <file>', 'writes every measurement to a file as well')
  .option('--images <folder>', 'draws throughput and latency against load as SVG files there')
  .option('--write', 'puts the figures into docs/performance.md, and the pictures beside it')
  .action(run)
  .parseAsync()

async function run(given: Options & { readonly loads: readonly BlockName[] }): Promise<void> {
  const options = given.smoke ? { ...given, ...SMOKE } : given
  const found = await versions()
  const skipped = 'redis-server' in found ? [] : PEER_NAMES.filter(name => PEERS[name].needsRedis)
  const plan = planOf(
    { ...options, peers: options.peers.filter(name => !skipped.includes(name)) },
    given.loads,
  )
  const { rounds, seconds } = options
  const warmUps = options.smoke
    ? { firstWarmUpSeconds: 0, warmUpSeconds: 0 }
    : { firstWarmUpSeconds: FIRST_WARM_UP_SECONDS, warmUpSeconds: WARM_UP_SECONDS }
  const times = { rounds, seconds, ...warmUps }
  const machine = describeMachine()
  print(headLines(machine, found, times))

  const folder = await mkdtemp(join(options.folder ?? tmpdir(), 'troupe-bench-'))
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopping.abort(new Error(`ended by ${signal}`)))
  }
  try {
    const runOptions: RunOptions = { ...times, folder }
    print([`takes about ${Math.ceil(minutesOf(plan, runOptions))} minutes`])
    const samples = await runPlan(plan, runOptions, stopping.signal, sample => print([sampleLine(sample)]))
    const date = new Date().toISOString()
    const parts = { date, machine, versions: found, loadAfter: loadavg(), options: times, skipped, samples }
    const report = reportOf(parts)
    print(resultLines(report))
    await keep(report, options)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    // Whatever failed did so because a terminal's signal reaches the other processes, too.
    console.error(stopping.signal.reason.message)
    process.exitCode = 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function planOf(options: Options, blocks: readonly BlockName[]): Block[] {
  if (options.smoke) return smokePlan({ ...options, blocks })
  return options.targets ? targetPlan({ ...options, blocks }) : fullPlan({ ...options, blocks })
}

async function keep(report: Report, { json, images, write }: Options): Promise<void> {
  const plots = plotsOf(report.rows)
  if (images !== undefined) await writePlots(plots, images)
  if (write === true) {
    await writePlots(plots, PAGE_IMAGES)
    await writePage(report, plots)
  }
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`)
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line)
}

function seconds(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= SECONDS_MAX) return value
  throw new InvalidArgumentError(`Expected a number above 0 and up to ${SECONDS_MAX}.`)
}

/** @returns a parser of names, separated by commas */
function someOf<T extends string>(names: readonly T[]): (text: string) => readonly T[] {
  return text => {
    const wanted = text.split(',')
    const found = names.filter(name => wanted.includes(name))
    if (found.length === wanted.length) return found
    throw new InvalidArgumentError(`Expected some of ${names.join(', ')}, separated by commas.`)
  }
}
