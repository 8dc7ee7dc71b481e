/** What the bench of memory says. */
import type { MemoryFigures } from './sessions/cluster-process.js'
import type { ThreadFigures } from './sessions/thread-figures.js'
import type { Machine } from './support/machine.js'

const MIB = 1024 ** 2

/** A session and how many of it: its owner's cache counts as one where `copies` is 3. */
const COPIES = 2

/** One look at the memory of a cluster. */
export interface Stage extends MemoryFigures {
  readonly name: string
}

/** Everything that was measured. */
export interface MemoryResult {
  readonly sessions: number
  /** One session as JSON text, bytes. */
  readonly bytes: number
  readonly webServers: number
  /** How long it took to begin them all. */
  readonly seconds: number
  /** Sessions in the caches of web servers, and copies in session servers, at the end. */
  readonly counts: { readonly cached: number; readonly copied: number }
  readonly stages: readonly Stage[]
}

export function memoryLines(machine: Machine, loadAfter: readonly number[], result: MemoryResult): string[] {
  const { sessions, bytes, seconds, counts, stages } = result
  const [empty, ...later] = stages
  if (empty === undefined) return []
  const rows = later.map(stage => {
    const perSession = (stage.residentBytes - empty.residentBytes) / sessions
    return [
      stage.name,
      (stage.residentBytes / MIB).toFixed(0),
      perSession.toFixed(0),
      (perSession / (bytes * COPIES)).toFixed(2),
      ...['web server', 'session server'].map(role => heapText(stage, empty, role, sessions)),
      collections(stage.threads),
    ]
  })
  return [
    `Memory: ${sessions} sessions of ${bytes} bytes, each in the cache of its web server and in 2 session servers`,
    `${machine.cores} cores (${machine.model}), ${machine.memoryGib} GiB, ${machine.system}, Node ${machine.node}`,
    `load average before: ${averages(machine.load)}, after: ${averages(loadAfter)}`,
    `begun in ${seconds.toFixed(1)} s, ${(sessions / seconds).toFixed(0)}/s; ` +
      `${counts.cached} in caches, ${counts.copied} copies; empty: ${(empty.residentBytes / MIB).toFixed(0)} MiB`,
    '',
    ...table([
      ['', 'RSS, MiB', 'B/session', 'x 600 B', 'web servers', 'session servers', 'longest collection, ms'],
      ...rows,
    ]),
    '',
    'B/session: what the whole process has grown by. Web servers, session servers: bytes alive per session, all of them',
    'together, in the heap + in buffers. Longest collection: a full one, forced, that stops its thread.',
  ]
}

function heapText(stage: Stage, empty: Stage, role: string, sessions: number): string {
  const [heap, buffers] = (['heapUsedBytes', 'externalBytes'] as const).map(
    figure => (total(stage.threads, role, figure) - total(empty.threads, role, figure)) / sessions,
  )
  return `${heap?.toFixed(0)} + ${buffers?.toFixed(0)}`
}

function total(
  threads: readonly ThreadFigures[],
  role: string,
  figure: 'heapUsedBytes' | 'externalBytes',
): number {
  return threads.filter(thread => thread.role === role).reduce((sum, thread) => sum + thread[figure], 0)
}

function collections(threads: readonly ThreadFigures[]): string {
  const longest = (role: string) =>
    Math.max(0, ...threads.filter(thread => thread.role === role).map(({ collectionMs }) => collectionMs))
  const [web, store] = [longest('web server'), longest('session server')]
  return web + store === 0 ? '-' : `${web.toFixed(0)} / ${store.toFixed(0)}`
}

function averages(load: readonly number[]): string {
  return load.map(average => average.toFixed(2)).join(', ')
}

/** The first column to the left, figures to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const cellOf = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)
  return rows.map(row => row.map(cellOf).join('  '))
}
