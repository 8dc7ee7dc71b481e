/** `troupe import`: takes the sessions of an app that used connect-redis over into the session servers of a configuration. */
import { type Command, Option } from 'commander'
import { pino } from 'pino'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { TroupeError } from '../errors.js'
import type { ImportCounts } from '../store/import-sessions.js'
import type { OwnSessions } from '../store/session-access.js'
import { EXIT_FAILED } from './failure.js'

interface ImportOptions {
  readonly from: string
  readonly prefix: string
  readonly config: string
}

/** An import can't be begun as things are. */
export class ImportRefusedError extends TroupeError {
  readonly code = 'IMPORT_REFUSED'
}

/** Time between two lines that tell how far it is, ms: on a terminal, where the line is replaced, and elsewhere. */
const TERMINAL_MS = 200
const LOG_MS = 10_000
/** Longest wait for the admin listener of a cluster that may be running, ms. */
const ADMIN_MS = 2_000

/** Adds the command. */
export function addImport(program: Command): void {
  program
    .command('import')
    .summary('take over the sessions of connect-redis')
    .description(
      'Copies the sessions that an app with express-session and connect-redis has in a Redis into the session servers ' +
        'of a configuration, with their ids: with the same session.name and session.secret nobody is logged out. ' +
        'Changes nothing in that Redis. May be run again: what was changed under Troupe since is kept. The cluster ' +
        'must not be running.',
    )
    .addOption(
      new Option(
        '--from <url>',
        'the Redis: redis://user:password@host:6379/0, or rediss: for TLS; other users of this machine can see it in the ' +
          'list of processes, but not in the environment',
      )
        .env('TROUPE_IMPORT_FROM')
        .makeOptionMandatory(),
    )
    .option('--prefix <text>', "what connect-redis's keys begin with", 'sess:')
    .requiredOption('-c, --config <file>', 'configuration file')
    .addHelpText(
      'after',
      `
Example:
  troupe import --from redis://127.0.0.1:6379 --config troupe.json

Exit codes: 0 every session is here, 1 some are not, or it failed on the way, 2 refused (command line, configuration,
the Redis can't be reached, the session servers can't be used or are in use).`,
    )
    .action(runImport)
}

async function runImport(options: ImportOptions): Promise<void> {
  const { config } = await loadConfig({ file: options.config })
  refuseVolatile(config)
  await refuseRunning(config)
  const { readConnectRedis } = await import('../store/connect-redis-data.js')
  const pages = readConnectRedis({ url: checkedUrl(options.from), prefix: options.prefix })
  // First: what can't be read is no reason to claim anything.
  const first = await pages.next().catch((cause: unknown) => {
    throw refused(`--from: the Redis can't be read: ${reasonOf(cause)}.`, cause)
  })
  const sessions = await openSessions(options.config)
  try {
    const counts = await importAll(sessions, first, pages)
    process.stdout.write(`${summary(counts)}\n`)
    if (counts.unusable > 0) process.exitCode = EXIT_FAILED
  } finally {
    await pages.return(undefined)
    await sessions.close()
  }
}

type Pages = ReturnType<typeof import('../store/connect-redis-data.js').readConnectRedis>

async function importAll(
  sessions: OwnSessions,
  first: Awaited<ReturnType<Pages['next']>>,
  pages: Pages,
): Promise<ImportCounts> {
  const { importSession, noCounts } = await import('../store/import-sessions.js')
  const { eachConcurrently } = await import('../store/session-access.js')
  const counts = noCounts()
  const progress = new Progress()
  for (let page = first; page.done !== true; page = await pages.next()) {
    const now = Date.now()
    await eachConcurrently(page.value, async session => {
      counts[await importSession(sessions, session, now)]++
    })
    progress.tell(counts)
  }
  progress.end()
  return counts
}

async function openSessions(file: string): Promise<OwnSessions> {
  const { openOwnSessions } = await import('../store/own-sessions.js')
  const sessions = await openOwnSessions({ config: file, mustStart: true, log: pino({ level: 'silent' }) })
  await sessions.ready().catch(async (cause: unknown) => {
    await sessions.close()
    throw refused(
      `The session servers can't be used: ${reasonOf(cause)} If a cluster is running, stop it.`,
      cause,
    )
  })
  return sessions
}

/** What only memory holds is gone with this process. */
function refuseVolatile({ sessionServers }: Config): void {
  if (sessionServers.some(({ on, store }) => store.kind !== 'memory' || on !== null)) return
  throw refused(
    'sessionServers: all keep their copies in memory, which ends with this command. Give at least one of them a store ' +
      'of lmdb or redis.',
  )
}

/** A cluster on this machine that has an admin listener tells of itself. */
async function refuseRunning({ admin }: Config): Promise<void> {
  if (admin === null || admin.port === 0) return
  const { request } = await import('undici')
  const host = admin.host.includes(':') ? `[${admin.host}]` : admin.host
  try {
    const limits = { headersTimeout: ADMIN_MS, bodyTimeout: ADMIN_MS, signal: AbortSignal.timeout(ADMIN_MS) }
    const { body } = await request(`http://${host}:${admin.port}/healthz`, limits)
    await body.dump()
  } catch {
    // Nobody is there, or somebody else: whoever holds the session servers is found when they are opened.
    return
  }
  throw refused(
    `A cluster of this configuration is running: its admin listener answers at port ${admin.port}. Stop it.`,
  )
}

function checkedUrl(url: string): string {
  if (URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol)) return url
  // A password does not belong on a screen, or in the log of whatever runs this.
  const shown = JSON.stringify(url.replace(/\/\/[^/]*@/, '//***@'))
  throw refused(`--from: found ${shown}, expected a URL such as redis://127.0.0.1:6379.`)
}

/** Says how far it is, now and then. */
class Progress {
  readonly #isTerminal = process.stderr.isTTY === true
  #toldAt = performance.now()
  #told = false

  tell(counts: ImportCounts): void {
    const now = performance.now()
    if (now - this.#toldAt < (this.#isTerminal ? TERMINAL_MS : LOG_MS)) return
    this.#toldAt = now
    this.#told = true
    const text = `${Object.values(counts).reduce((sum, count) => sum + count)} sessions so far`
    process.stderr.write(this.#isTerminal ? `\r${text}` : `${text}\n`)
  }

  end(): void {
    if (this.#told && this.#isTerminal) process.stderr.write('\n')
  }
}

function summary(counts: ImportCounts): string {
  return (
    `imported ${counts.imported}, updated ${counts.updated}, unchanged ${counts.unchanged}, ` +
    `kept as changed here since ${counts.kept}, ended ${counts.ended}, unusable ${counts.unusable}`
  )
}

function refused(message: string, cause?: unknown): ImportRefusedError {
  return new ImportRefusedError(message, { cause })
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Of a host with several addresses each has its own error, and the whole has no message.
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  return error.message
}
