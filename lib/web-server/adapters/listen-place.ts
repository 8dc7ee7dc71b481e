/** Where a `listen` call wants to listen. Pure. */

/** A port, a path, or something that no other call can name again (a file descriptor or a handle). */
export type Place = number | string | symbol

const PORT_MAX = 65_535

/**
 * @param args what `server.listen` was called with, in any of node's forms
 * @returns null for what node refuses
 */
export function placeOf(args: readonly unknown[]): Place | null {
  const [first] = args
  if (first === undefined || first === null || typeof first === 'function') return 0
  if (typeof first !== 'object') return portOf(first) ?? (typeof first === 'string' ? pathOf(first) : null)
  const { port, path, fd, _handle: handle } = first as Readonly<Record<string, unknown>>
  if (port !== undefined && port !== null) return portOf(port)
  if (typeof path === 'string') return pathOf(path)
  if (typeof fd === 'number' && fd >= 0) return Symbol(`file descriptor ${fd}`)
  if (handle !== undefined) return Symbol('handle')
  return 'port' in first ? 0 : null
}

function portOf(value: unknown): number | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const port = Number(value)
  return Number.isInteger(port) && port >= 0 && port <= PORT_MAX ? port : null
}

/** A number that is no port is no path either. */
function pathOf(text: string): string | null {
  return Number(text) >= 0 ? null : text
}
