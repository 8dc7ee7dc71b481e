/** What the bench asks of a server. */

/** Every load there is, in the order of the report. */
export const LOAD_NAMES = ['sticky', 'pooled', 'new', 'read', 'big', 'close'] as const
export type LoadName = (typeof LOAD_NAMES)[number]

/** Sessions in turn where requests do not keep to their connection. */
const POOL_SESSIONS = 1_000
const POOL_CONNECTIONS = 8
/** Threads of wrk where a thread need not be a connection: they cost it least. */
const FEW_THREADS = 2

/** One kind of load. */
export interface Load {
  readonly name: LoadName
  /** For the report. */
  readonly about: string
  readonly path: '/count' | '/read' | '/big'
  /** Sessions that requests bring: one for each connection, each request another one of a set, or none. */
  readonly sessions: 'connection' | 'request' | 'none'
  /** Whether each request has a connection of its own. */
  readonly closes: boolean
  /** Whether each request raises the counter of its session. */
  readonly counts: boolean
}

export const LOADS: Readonly<Record<LoadName, Load>> = {
  sticky: {
    name: 'sticky',
    about: 'each connection keeps its session, as browsers do; each request raises its counter',
    ...{ path: '/count', sessions: 'connection', closes: false, counts: true },
  },
  pooled: {
    name: 'pooled',
    about: `${POOL_CONNECTIONS} connections, each request another of ${POOL_SESSIONS} sessions, as behind a balancer`,
    ...{ path: '/count', sessions: 'request', closes: false, counts: true },
  },
  new: {
    name: 'new',
    about: 'no cookie is sent: each request begins a session',
    ...{ path: '/count', sessions: 'none', closes: false, counts: false },
  },
  read: {
    name: 'read',
    about: 'as sticky, but the session is only read',
    ...{ path: '/read', sessions: 'connection', closes: false, counts: false },
  },
  big: {
    name: 'big',
    about: 'as sticky, with 20 KB in each session beside the counter',
    ...{ path: '/big', sessions: 'connection', closes: false, counts: true },
  },
  close: {
    name: 'close',
    about: `a connection for each request, which raises the counter of one of ${POOL_SESSIONS} sessions`,
    ...{ path: '/count', sessions: 'request', closes: true, counts: true },
  },
}

/** How wrk is to make a load. */
export interface Shape {
  readonly connections: number
  readonly threads: number
  readonly sessions: number
}

/** @param connections as the options of the bench say; a pool has its own number */
export function shapeOf({ name, sessions }: Load, connections: number): Shape {
  if (sessions === 'connection') return { connections, threads: connections, sessions: connections }
  const open = name === 'pooled' ? POOL_CONNECTIONS : connections
  return {
    connections: open,
    threads: Math.min(FEW_THREADS, open),
    sessions: sessions === 'none' ? 0 : POOL_SESSIONS,
  }
}
