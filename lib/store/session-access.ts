/** The way to the sessions of a cluster, or of session servers that this process started: what every store stands on. */
import type { Logger } from 'pino'
import { ALL_PARTITIONS, type SessionId } from '../replication/ids.js'
import type { SessionCalls } from '../transport/session-calls.js'

/** Where sessions are. */
export interface SessionAccess {
  readonly calls: SessionCalls
  /** Lifetime of a session whose cookie names none, ms. */
  readonly ttlMs: number
}

/** Sessions of which this process is the owner. */
export interface OwnSessions extends SessionAccess {
  /** Resolves when every session can be had. @throws why not */
  ready(): Promise<void>
  /** Waits for the copies of what is under way, and ends the session servers. Idempotent. */
  close(): Promise<void>
}

/** Options of a store outside of Troupe. Without any it keeps two copies of each session in memory, on two threads. */
export interface OwnSessionsOptions {
  /** Path of a configuration file; the others are not looked at then. */
  readonly config?: string
  /** As in the configuration file; paths are relative to the working directory. */
  readonly sessionServers?: readonly object[]
  /** As in the configuration file. */
  readonly replication?: object
  /** As in the configuration file; `ttl` and `maxBytes` count. */
  readonly session?: object
  /** For several hosts, as in the configuration file. */
  readonly hosts?: object
  /** As in the configuration file. */
  readonly cluster?: object
  /** Hears what an operator should know; by default warnings and errors go to standard error. */
  readonly log?: Logger
  /** A session server that can't be started is an error instead of being tried again; default false. */
  readonly mustStart?: boolean
}

/**
 * Saves a session, but one that was destroyed: a request that was running meanwhile and saves late has lost, and so
 * nobody is logged in again by accident.
 */
export async function setUnlessEnded(
  calls: SessionCalls,
  id: string,
  data: string,
  expires: number,
): Promise<void> {
  try {
    await calls.call({ op: 'set', id: id as SessionId, data, expires })
  } catch (error) {
    if (codeOf(error) !== 'SESSION_ENDED') throw error
  }
}

/** @returns the code by which errors are told apart, undefined when there is none */
export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

/** Calls under way at once when a store is asked for all of its sessions: enough to keep every owner busy. */
const CONCURRENT_CALLS = 32

/** @returns the ids of all live sessions */
export async function allIds({ calls }: SessionAccess): Promise<SessionId[]> {
  const ids: SessionId[] = []
  await eachConcurrently(ALL_PARTITIONS, async partition => {
    ids.push(...(await calls.call({ op: 'ids', partition })))
  })
  return ids
}

/** Runs an action for each item, not for all at once. @throws what the first failed action threw */
export async function eachConcurrently<T>(
  items: readonly T[],
  action: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  const work = async () => {
    for (const item of rest) await action(item)
  }
  await Promise.all(Array.from({ length: CONCURRENT_CALLS }, work))
}
