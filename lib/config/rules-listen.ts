/** What must hold between listeners: no two are in the same place. */
import { normalize } from 'node:path'
import { DEFAULT_HOST, DEFAULT_PORT } from './listen-defaults.js'

/** A listener as far as these rules go. */
interface PlacedListener {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly socket?: string | undefined
}

/** The `listen` section as far as these rules go. */
export interface ListenSection extends PlacedListener {
  readonly also: readonly PlacedListener[]
}

/** The parts of a file that the rules about listeners speak of. */
export interface ListenSections {
  readonly listen?: ListenSection
  readonly admin?: { readonly host: string; readonly port: number } | undefined
}

type Demand = (path: (string | number)[], expected: string) => void

/** Reports each rule that is broken. */
export function listenersDiffer({ listen, admin }: ListenSections, demand: Demand): void {
  if (listen === undefined) return
  const seen = new Set([placeOf({ port: DEFAULT_PORT, ...listen })])
  for (const [index, listener] of listen.also.entries()) {
    const place = placeOf(listener)
    if (place !== null && seen.has(place)) {
      const isSocket = listener.socket !== undefined
      const expected = `a ${isSocket ? 'path' : 'port'} that no other listener has`
      demand(['listen', 'also', index, isSocket ? 'socket' : 'port'], expected)
    }
    seen.add(place)
  }
  if (admin === undefined || admin.port === 0) return
  const first = listen.socket === undefined ? (listen.port ?? DEFAULT_PORT) : undefined
  if (first === admin.port) demand(['admin', 'port'], 'a port other than listen.port')
  for (const [index, { port }] of listen.also.entries()) {
    if (port === admin.port) demand(['admin', 'port'], `a port other than listen.also[${index}].port`)
  }
}

/** @returns null for a port that is still to be picked, which meets nobody */
function placeOf({ host = DEFAULT_HOST, port = 0, socket }: PlacedListener): string | null {
  if (socket !== undefined) return normalize(socket)
  return port === 0 ? null : `${host.toLowerCase()} ${port}`
}
