/** An existing data set of connect-redis: one key for each session, its value JSON, its time to live the session's. */
import { createClient } from 'redis'

/** One session as connect-redis has it. */
export interface ConnectRedisSession {
  readonly id: string
  /** Its value: JSON, unless something else wrote it. */
  readonly text: string
  /** What is left of its life, ms; null when its key never ends. */
  readonly ttlMs: number | null
}

/** Where a data set is. */
export interface ConnectRedisOptions {
  /** `redis://user:password@10.0.0.9:6379/0`; `rediss:` for TLS. */
  readonly url: string
  /** What its keys begin with. */
  readonly prefix: string
}

/** Keys that Redis looks at in one step: keeps it free for others, who may still be served from it. */
const SCAN_COUNT = 500
/** Longest wait for a connection, ms. */
const CONNECT_MS = 5_000

/** PTTL's answers for keys without an end, and for keys that are gone. */
const ENDLESS = -1
const GONE = -2

/**
 * Reads a data set, a part at a time, and changes nothing of it. Some sessions may come twice.
 * @throws what the client says when Redis can't be reached, refuses, or is lost
 */
export async function* readConnectRedis({
  url,
  prefix,
}: ConnectRedisOptions): AsyncGenerator<readonly ConnectRedisSession[]> {
  const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: CONNECT_MS } })
  // The same error rejects what is awaited.
  client.on('error', () => {})
  await client.connect()
  try {
    for await (const keys of client.scanIterator({ MATCH: `${escaped(prefix)}*`, COUNT: SCAN_COUNT })) {
      if (keys.length === 0) continue
      const [values, lifetimes] = await Promise.all([
        client.mGet(keys),
        Promise.all(keys.map(key => client.pTTL(key))),
      ])
      const sessions: ConnectRedisSession[] = []
      for (const [index, key] of keys.entries()) {
        const text = values[index]
        const ttlMs = lifetimes[index] ?? GONE
        if (text === null || text === undefined || ttlMs === GONE) continue
        sessions.push({ id: key.slice(prefix.length), text, ttlMs: ttlMs === ENDLESS ? null : ttlMs })
      }
      yield sessions
    }
  } finally {
    client.destroy()
  }
}

/** A prefix is meant as it is, a pattern has wildcards. */
function escaped(prefix: string): string {
  return prefix.replace(/[\\*?[\]]/g, '\\$&')
}
