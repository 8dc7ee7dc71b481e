/** `npm run bench:replication`: how fast changes of sessions are copied to each kind of session server. */
import { writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { wholeNumberOption } from '../lib/cli/options.js'
import { IN_FLIGHT_MAX } from './replication-load.js'
import { headLines, reportOf, resultLines } from './replication-report.js'
import { type RunOptions, runRounds } from './replication-run.js'
import { STORE_NAMES, type StoreName } from './replication-stores.js'
import { describeMachine } from './support/machine.js'

/** Longest time of one measurement, s, and most rounds: nobody means more. */
const SECONDS_MAX = 60
const ROUNDS_MAX = 100

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly only: readonly StoreName[]
  readonly inFlight: readonly number[]
  readonly folder: string
  readonly json?: string
}

await new Command('bench:replication')
  .description(
    'Measures mutations per second, bytes per second and the time to acknowledgement, from one web server to one ' +
      'session server of each kind. docs/performance.md says how to read it.',
  )
  .option(
    '--rounds <number>',
    'rounds; the session servers take turns in each',
    wholeNumberOption(1, ROUNDS_MAX),
    5,
  )
  .option('--seconds <number>', `time counted of each measurement, at most ${SECONDS_MAX}`, seconds, 2)
  .option('--only <names>', `some of ${STORE_NAMES.join(',')}`, storeNames, STORE_NAMES)
  .option('--in-flight <numbers>', 'changes under way at once, each a line of its own', loads, [1, 64, 1_024])
  .option(
    '--folder <path>',
    'where lmdb keeps its copies: an existing folder on the disk to be measured',
    tmpdir(),
  )
  .option('--json <file>', 'writes every measurement to a file as well')
  .action(run)
  .parseAsync()

async function run({ rounds, seconds, only, inFlight, folder, json }: Options): Promise<void> {
  const options: RunOptions = { stores: only, inFlight, rounds, countedMs: seconds * 1_000, folder }
  const machine = describeMachine()
  print(headLines(machine, options))
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopping.abort(new Error(`ended by ${signal}`)))
  }
  const ends: (() => unknown)[] = []
  try {
    const scope = { teardown: (end: () => unknown) => ends.unshift(end) }
    const onRound = (round: number) => print([`round ${round} of ${rounds} done`])
    const result = await runRounds(options, scope, stopping.signal, onRound)
    const report = reportOf(options, result, machine, loadavg())
    print(resultLines(report))
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    // Whatever failed did so because a terminal's signal reaches the other processes, too.
    console.error(stopping.signal.reason.message)
    process.exitCode = 1
  } finally {
    for (const end of ends) await end()
  }
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line)
}

function seconds(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= SECONDS_MAX) return value
  throw new InvalidArgumentError(`Expected a number above 0 and up to ${SECONDS_MAX}.`)
}

function storeNames(text: string): readonly StoreName[] {
  const wanted = text.split(',')
  const names = STORE_NAMES.filter(name => wanted.includes(name))
  if (names.length === wanted.length) return names
  throw new InvalidArgumentError(`Expected some of ${STORE_NAMES.join(', ')}, separated by commas.`)
}

function loads(text: string): number[] {
  return text.split(',').map(wholeNumberOption(1, IN_FLIGHT_MAX))
}
