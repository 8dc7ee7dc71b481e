/** A session cache without pity: it evicts whatever it may, at random moments. */
import { compareStamps, type SessionCopy } from '../../lib/replication/copy.js'
import type { HostedSessions } from '../../lib/replication/hosted-sessions.js'
import { type Partition, partitionOf, type SessionId } from '../../lib/replication/ids.js'
import type { World } from './world.js'

/** One cached session: the live object that all its requests share. */
export interface CachedSession {
  copy: SessionCopy
  /** Requests that hold it. */
  uses: number
  /** Every replica holds `copy`. */
  acknowledged: boolean
  /** The partition moved away: whoever still holds it must not commit. */
  dropped: boolean
}

export class SimulatedCache implements HostedSessions {
  readonly #world: World
  readonly #sessions = new Map<SessionId, CachedSession>()

  constructor(world: World) {
    this.#world = world
  }

  get size(): number {
    return this.#sessions.size
  }

  session(id: SessionId): CachedSession | undefined {
    return this.#sessions.get(id)
  }

  add(copy: SessionCopy): CachedSession {
    const session: CachedSession = { copy, uses: 0, acknowledged: true, dropped: false }
    this.#sessions.set(copy.id, session)
    return session
  }

  get(id: SessionId): SessionCopy | undefined {
    return this.#sessions.get(id)?.copy
  }

  inPartition(partition: Partition): SessionCopy[] {
    if (this.#world.parameters.deliberateFault === 'no-push-of-cached') return []
    return [...this.#sessions.values()]
      .map(({ copy }) => copy)
      .filter(copy => partitionOf(copy.id) === partition)
  }

  warm(copy: SessionCopy): boolean {
    const cached = this.#sessions.get(copy.id)
    if (cached !== undefined) {
      if (cached.uses > 0 || !cached.acknowledged || compareStamps(copy, cached.copy) <= 0) return true
      this.#sessions.delete(copy.id)
    }
    if (copy.data === null) return true
    if (this.#sessions.size >= this.#world.parameters.cacheMaxSessions) return false
    this.add(copy)
    return true
  }

  acknowledged(id: SessionId): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    session.acknowledged = true
    if (session.copy.data === null) this.#sessions.delete(id)
  }

  drop(partition: Partition): void {
    for (const [id, session] of this.#sessions) {
      if (partitionOf(id) !== partition) continue
      session.dropped = true
      this.#sessions.delete(id)
    }
  }

  /** Evicts each session that may go, with the chance of the parameters. */
  evictSome(): void {
    const { random, parameters } = this.#world
    const any = parameters.deliberateFault === 'evict-unacknowledged'
    for (const [id, { acknowledged, uses }] of this.#sessions) {
      if ((any || (acknowledged && uses === 0)) && random.chance(parameters.eviction))
        this.#sessions.delete(id)
    }
  }
}
