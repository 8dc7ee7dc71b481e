/** `troupe status`: how a running cluster is. */
import { setTimeout as wait } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { ClusterStatus, SessionServerStatus, WebServerStatus } from '../director/cluster.js'
import type { AdminClient } from './admin-client.js'
import { ADMIN_HELP, type AdminOptions, adminClient, withAdminOptions } from './admin-options.js'
import { ClusterUnreachableError } from './cluster-errors.js'
import { type Column, countText, durationText, tableText } from './texts.js'

interface StatusOptions extends AdminOptions {
  /** s between two looks; true without a number. */
  readonly watch?: number | true
}

/** How it is told. */
interface Print {
  readonly status: (status: ClusterStatus) => string
  readonly unreachable: (error: ClusterUnreachableError) => string
}

const FOR_PROGRAMS: Print = {
  status: status => JSON.stringify(status),
  unreachable: ({ code, message }) => JSON.stringify({ error: { code, message } }),
}
const FOR_PEOPLE: Print = { status: status => statusText(status), unreachable: ({ message }) => message }

const WATCH_DEFAULT_S = 1
const WATCH_MAX_S = 3600
/** The cursor to the upper left corner, and everything below it cleared. */
const CLEAR = '\u001b[H\u001b[2J'

/** Adds the command. */
export function addStatus(program: Command): void {
  withAdminOptions(program.command('status'))
    .summary('show how the cluster is')
    .description(
      'Shows web servers and session servers with their partitions and sessions, and whether every session has its copies.',
    )
    .option(
      '-w, --watch [seconds]',
      `look again every so many seconds (${WATCH_DEFAULT_S}) until Ctrl-C`,
      seconds,
    )
    .addHelpText(
      'after',
      `
Examples:
  troupe status
  troupe status --config troupe.json --watch
  troupe status --admin http://127.0.0.1:9090 --json
${ADMIN_HELP}`,
    )
    .action(runStatus)
}

async function runStatus(options: StatusOptions): Promise<void> {
  const client = await adminClient(options)
  const print = options.json === true ? FOR_PROGRAMS : FOR_PEOPLE
  if (options.watch === undefined) {
    process.stdout.write(`${print.status(await client.get<ClusterStatus>('/status'))}\n`)
    return
  }
  await watch(client, print, (options.watch === true ? WATCH_DEFAULT_S : options.watch) * 1000)
}

/** Looks again and again, also while no cluster is there. */
async function watch(client: AdminClient, print: Print, everyMs: number): Promise<never> {
  // At once: an answer that does not come may be waited for long.
  process.once('SIGINT', () => process.exit(0))
  for (;;) {
    const text = await client.get<ClusterStatus>('/status').then(print.status, (error: unknown) => {
      if (error instanceof ClusterUnreachableError) return print.unreachable(error)
      throw error
    })
    process.stdout.write(process.stdout.isTTY === true ? `${CLEAR}${text}\n` : `${text}\n`)
    await wait(everyMs)
  }
}

const WEB_SERVERS: readonly Column<WebServerStatus>[] = [
  { title: 'WEB SERVER', text: ({ name }) => name },
  { title: 'STATE', text: ({ state }) => state },
  { title: 'PARTITIONS', text: ({ partitions }) => String(partitions), isNumber: true },
  { title: 'SESSIONS', text: ({ sessions }) => String(sessions), isNumber: true },
  { title: 'IN FLIGHT', text: ({ requestsInFlight }) => String(requestsInFlight), isNumber: true },
  { title: 'CHANGES', text: ({ mutations }) => String(mutations), isNumber: true },
  { title: 'RESTARTS', text: ({ restarts }) => String(restarts), isNumber: true },
]

const SESSION_SERVERS: readonly Column<SessionServerStatus>[] = [
  { title: 'SESSION SERVER', text: ({ name }) => name },
  { title: 'STATE', text: ({ state }) => state },
  { title: 'STORE', text: ({ store, host }) => (host === null ? store : `${store} on ${host}`) },
  { title: 'UP TO DATE', text: ({ partitions }) => String(partitions), isNumber: true },
  { title: 'SESSIONS', text: ({ sessions }) => String(sessions), isNumber: true },
  { title: 'RESTARTS', text: ({ restarts }) => String(restarts), isNumber: true },
]

/** @returns a status for people */
export function statusText({ director, webServers, sessionServers, partitions }: ClusterStatus): string {
  const { state, uptimeMs, requestsInFlight, parked } = director
  const waiting = parked === 0 ? '' : `, ${parked} of them waiting for a web server`
  return [
    `The cluster is ${state}, for ${durationText(uptimeMs)}; ${countText(requestsInFlight, 'request')} in flight${waiting}.`,
    '',
    tableText(WEB_SERVERS, webServers),
    '',
    tableText(SESSION_SERVERS, sessionServers),
    '',
    partitionsText(partitions),
  ].join('\n')
}

function partitionsText({ total, unowned, underCopied }: ClusterStatus['partitions']): string {
  if (unowned === 0 && underCopied === 0) return `All ${total} partitions have an owner and their copies.`
  const owners = unowned === 0 ? 'all have an owner' : `${unowned} are without an owner`
  const copies = underCopied === 0 ? 'all have their copies' : `${underCopied} are being copied`
  return `Of ${total} partitions ${owners}, and ${copies}.`
}

function seconds(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.1 && value <= WATCH_MAX_S) return value
  throw new InvalidArgumentError(`Expected a number of seconds from 0.1 to ${WATCH_MAX_S}.`)
}
