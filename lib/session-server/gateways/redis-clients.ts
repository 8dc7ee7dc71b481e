/** Connections with one Redis, or with all members of a Redis Cluster that hold sessions, behind one interface. */
import type { createClient, createCluster } from 'redis'
import { RedisFailedOverError } from './redis-errors.js'

/** Time after which a probe's key is gone, ms: it only shows that changes are taken. */
const PROBE_KEPT_MS = 60_000

export type RedisClient = ReturnType<typeof createClient>
export type RedisCluster = ReturnType<typeof createCluster>

/** Open connections. */
export interface RedisClients {
  /** Sends a command to whoever has this key. @throws what Redis answers, or why it can't be reached */
  send(key: string, command: readonly string[]): Promise<unknown>
  /** Asks everybody who holds sessions whether that is still so. @throws as `send` */
  probe(): Promise<unknown>
  /** Closes every connection at once; what waits for an answer is rejected. Idempotent. */
  destroy(): void
}

/** One Redis. Commands are answered in the order in which they were sent. */
export class SingleClient implements RedisClients {
  readonly #client: RedisClient
  readonly #probe: readonly string[]

  constructor(client: RedisClient, prefix: string) {
    this.#client = client
    this.#probe = ['SET', `{${prefix}:probe}`, '1', 'PX', String(PROBE_KEPT_MS)]
  }

  send(_key: string, command: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(command)
  }

  /** By a write: one that follows another now, or is full, still answers to reads. */
  probe(): Promise<unknown> {
    return this.#client.sendCommand(this.#probe)
  }

  destroy(): void {
    if (this.#client.isOpen) this.#client.destroy()
  }
}

/** A cluster. Slots may move between members meanwhile; the client follows MOVED and ASK. */
export class ClusterClients implements RedisClients {
  readonly #cluster: RedisCluster
  readonly #where: string
  /** As the client last found them. Another array means that it has looked again. */
  #masters: RedisCluster['masters']

  /** @param cluster connected already @param where for messages */
  constructor(cluster: RedisCluster, where: string) {
    this.#cluster = cluster
    this.#where = where
    this.#masters = cluster.masters
  }

  async send(key: string, command: readonly string[]): Promise<unknown> {
    try {
      return await this.#cluster.sendCommand(key, false, [...command])
    } finally {
      // Also after an error: the client drops what waits for a member that is not in charge any more.
      this.#checkMembers()
    }
  }

  async probe(): Promise<unknown> {
    const masters = this.#cluster.masters.map(master => this.#cluster.nodeClient(master))
    return await Promise.all(masters.map(async master => (await master).sendCommand(['PING'])))
  }

  destroy(): void {
    destroyCluster(this.#cluster)
  }

  /**
   * A slot that moved took its data along. One whose member is no longer in charge of anything was taken over, by one
   * that follows it with a delay: what was acknowledged last may be missing there.
   */
  #checkMembers(): void {
    const { masters } = this.#cluster
    if (masters === this.#masters) return
    const ids = new Set(masters.map(({ id }) => id))
    if (this.#masters.some(({ id }) => !ids.has(id))) throw new RedisFailedOverError(this.#where)
    this.#masters = masters
  }
}

/** The cluster's own way stops at the first member that is gone already. Idempotent. */
export function destroyCluster(cluster: RedisCluster): void {
  for (const { client } of cluster.masters) if (client?.isOpen) client.destroy()
}
