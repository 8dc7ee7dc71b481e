/** `troupe sessions`: what sessions there are, and their end. */
import { inspect } from 'node:util'
import { type Command, InvalidArgumentError } from 'commander'
import type { SessionLine, ShownSession } from '../admin/sessions.js'
import type { AdminClient } from './admin-client.js'
import { ADMIN_HELP, type AdminOptions, adminClient, withAdminOptions } from './admin-options.js'
import { ClusterAnswerError } from './cluster-errors.js'
import { wholeNumberOption } from './options.js'
import { type Column, countText, durationText, plainText, sizeText, tableText } from './texts.js'

interface ShowOptions extends AdminOptions {
  readonly ids?: boolean
  readonly reveal?: boolean
}

interface ListOptions extends ShowOptions {
  readonly limit: number
}

/** Names of `session.indexes` with the values looked for. */
type Where = Readonly<Record<string, string>>

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000_000

/** Adds the commands. */
export function addSessions(program: Command): void {
  const sessions = program
    .command('sessions')
    .summary('list, show, find and end sessions')
    .description(
      "Lists, shows, finds and ends sessions. An id is as good as its visitor's password, so sessions are shown by a " +
        'fingerprint, which "show" and "destroy" take as well; ids and data are shown where they are asked for, and ' +
        'only by a cluster that has an admin.token.',
    )
  const list = withShowOptions(sessions.command('list'))
    .summary('list sessions')
    .description('Lists sessions, in no particular order.')
    .option(
      '-n, --limit <number>',
      'most sessions to list; 0 for all',
      wholeNumberOption(0, LIMIT_MAX),
      LIMIT_DEFAULT,
    )
    .action(runList)
  help(list, ['sessions list', 'sessions list --limit 0 --json'])
  const show = withShowOptions(sessions.command('show'))
    .summary('show a session')
    .description('Shows a session. By its fingerprint it is found by looking through all of them.')
    .argument('<session>', 'its id or fingerprint')
    .action(runShow)
  help(show, ['sessions show 4f1d0c6a9b2e', 'sessions show 4f1d0c6a9b2e --reveal'])
  const find = withShowOptions(sessions.command('find'))
    .summary('find sessions by an index')
    .description('Finds the sessions that hold all of these values; names are those of session.indexes.')
    .argument('<name=value...>', 'what they hold', collectWhere)
    .action(runFind)
  help(find, ['sessions find user=42', 'sessions find user=42 tenant=acme --ids'])
  const destroy = withAdminOptions(sessions.command('destroy'))
    .summary('end sessions')
    .description('Ends sessions: their visitors are logged out, whatever requests of theirs are running.')
    .argument('[session...]', 'their ids or fingerprints')
    .option(
      '--where <name=value>',
      'all that hold this value, by session.indexes; may be repeated',
      collectWhere,
    )
    .action(runDestroy)
  help(destroy, ['sessions destroy 4f1d0c6a9b2e', 'sessions destroy --where user=42'])
}

function withShowOptions(command: Command): Command {
  return withAdminOptions(command)
    .option('--ids', 'show whole ids: whoever sees one can be that visitor')
    .option('--reveal', 'show what is in the sessions')
}

function help(command: Command, examples: readonly string[]): void {
  const lines = examples.map(example => `  troupe ${example}`).join('\n')
  command.addHelpText('after', `\nExample${examples.length === 1 ? '' : 's'}:\n${lines}\n${ADMIN_HELP}`)
}

async function runList(options: ListOptions): Promise<void> {
  const client = await adminClient(options)
  const query = new URLSearchParams({ limit: String(options.limit) })
  if (options.ids === true) query.set('ids', 'true')
  if (options.reveal === true) query.set('reveal', 'true')
  const listed: ShownSession[] = []
  let more = false
  for await (const line of client.lines<SessionLine>(`/sessions?${query}`)) {
    if ('error' in line) throw new ClusterAnswerError(line.error)
    // For programs as they come, so that a list of any length needs no memory; a table needs all its rows.
    if (options.json === true) process.stdout.write(`${JSON.stringify(line)}\n`)
    else if ('session' in line) listed.push(line.session)
    else more = line.result.more
  }
  if (options.json === true) return
  printTable(listed)
  if (more) process.stdout.write(`There are more: see --limit.\n`)
}

async function runShow(session: string, options: ShowOptions): Promise<void> {
  const client = await adminClient(options)
  const answer = await client.post<{ readonly session: ShownSession }>('/sessions/show', {
    session,
    ...shown(options),
  })
  if (options.json === true) process.stdout.write(`${JSON.stringify(answer)}\n`)
  else process.stdout.write(`${sessionText(answer.session)}\n`)
}

async function runFind(where: Where, options: ShowOptions): Promise<void> {
  const client = await adminClient(options)
  const answer = await client.post<{ readonly sessions: readonly ShownSession[] }>('/sessions/find', {
    where,
    ...shown(options),
  })
  if (options.json === true) process.stdout.write(`${JSON.stringify(answer)}\n`)
  else printTable(answer.sessions)
}

async function runDestroy(
  sessions: readonly string[],
  { where, ...options }: AdminOptions & { readonly where?: Where },
  command: Command,
): Promise<void> {
  if ((sessions.length === 0) === (where === undefined)) {
    command.error('error: give ids or fingerprints, or --where', { exitCode: 2 })
  }
  const client = await adminClient(options)
  const bodies = where === undefined ? sessions.map(session => ({ session })) : [{ where }]
  let destroyed = 0
  try {
    for (const body of bodies) destroyed += await destroy(client, body)
  } finally {
    const text =
      options.json === true ? JSON.stringify({ destroyed }) : `Ended ${countText(destroyed, 'session')}.`
    process.stdout.write(`${text}\n`)
  }
}

async function destroy(client: AdminClient, body: object): Promise<number> {
  return (await client.post<{ readonly destroyed: number }>('/sessions/destroy', body)).destroyed
}

function shown({ ids = false, reveal = false }: ShowOptions): object {
  return { ids, reveal }
}

function printTable(sessions: readonly ShownSession[]): void {
  const columns: Column<ShownSession>[] = [
    { title: 'SESSION', text: ({ fingerprint, id }) => id ?? fingerprint },
    { title: 'ENDS IN', text: ({ expires }) => durationText(expires - Date.now()), isNumber: true },
    { title: 'SIZE', text: ({ bytes }) => sizeText(bytes), isNumber: true },
  ]
  const isRevealed = sessions.some(({ data }) => data !== undefined)
  if (isRevealed) columns.push({ title: 'DATA', text: ({ data }) => JSON.stringify(data) })
  else columns.push({ title: 'MEMBERS', text: ({ members }) => members.join(', ') })
  const text = sessions.length === 0 ? 'No sessions.' : tableText(columns, sessions)
  process.stdout.write(`${text}\n`)
}

function sessionText({ fingerprint, id, expires, bytes, members, data }: ShownSession): string {
  const end = new Date(expires).toISOString()
  return [
    `fingerprint  ${fingerprint}`,
    ...(id === undefined ? [] : [`id           ${plainText(id)}`]),
    `ends         in ${durationText(expires - Date.now())}, ${end}`,
    `size         ${sizeText(bytes)}`,
    `members      ${members.length === 0 ? 'none' : plainText(members.join(', '))}`,
    ...(data === undefined ? [] : [`data         ${inspect(data, { depth: null })}`]),
  ].join('\n')
}

function collectWhere(text: string, before: Where | undefined): Where {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected name=value, such as user=42.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}
