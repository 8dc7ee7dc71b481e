/** What requests and their sessions do in a web server: look up, share, commit, and answer once the copies are safe. */
import type { Stamp } from '../../lib/replication/copy.js'
import {
  type ActorName,
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
} from '../../lib/replication/ids.js'
import type { Found } from '../../lib/replication/lookups.js'
import type { Owner } from '../../lib/replication/owner.js'
import type { SessionCache } from '../../lib/web-server/sessions/session-cache.js'
import { SessionEntry } from '../../lib/web-server/sessions/session-entry.js'
import type { Receiver } from './channel.js'
import type { Answer, Operation } from './conversation.js'
import type { Random } from './random.js'
import type { World } from './world.js'

/** Longest time that the app takes for one operation, virtual ms. */
const APP_MAX_MS = 10
/** A shortened session lives for this part of the usual lifetime. */
const SHORTENED = 1 / 4

/** What operations need of their web server. */
export interface OperationsHost extends Receiver {
  readonly life: number
  readonly owner: Owner
  readonly cache: SessionCache
  readonly now: number
  countedReplicas(partition: Partition): ActorName[]
  hasSyncedReplica(partition: Partition): boolean
}

export interface OperationsEffects {
  answer(number: number, answer: Answer): void
  /** Something may have been queued for replicas. */
  worked(): void
  writes(partition: Partition, epoch: Epoch): void
}

export class Operations {
  readonly #world: World
  readonly #host: OperationsHost
  readonly #effects: OperationsEffects
  readonly #random: Random
  readonly #loading = new Map<SessionId, Operation[]>()
  readonly #inUse = new Map<Partition, number>()

  constructor(world: World, host: OperationsHost, effects: OperationsEffects) {
    this.#world = world
    this.#host = host
    this.#effects = effects
    this.#random = world.chanceOf(`app ${host.life}`)
  }

  isUsing(partition: Partition): boolean {
    return (this.#inUse.get(partition) ?? 0) > 0
  }

  begin(operation: Operation): void {
    const partition = partitionOf(operation.id)
    this.#inUse.set(partition, (this.#inUse.get(partition) ?? 0) + 1)
    if (operation.kind === 'list') this.#list(operation, partition)
    else this.#open(operation)
  }

  /** The sessions of a partition: those that the replicas list, and those that are cached meanwhile. */
  #list(operation: Operation, partition: Partition): void {
    const { owner, cache, now } = this.#host
    const cached = () => [...cache.inPartition(partition)].map(({ id }) => id)
    const before = cached()
    owner.list(partition, now, listed => {
      if (listed.type === 'unavailable') this.#answer(operation, errorOf(listed.error))
      else {
        const ids = new Set([...before, ...listed.ids, ...cached()])
        this.#answer(operation, { type: 'listed', ids })
      }
    })
  }

  /** Finds the session in the cache or at the replicas; operations that want the same one wait for one look-up. */
  #open(operation: Operation): void {
    const { cache, owner, now } = this.#host
    if (operation.kind === 'create') {
      this.#use(operation, SessionEntry.empty(operation.id, now + this.#world.parameters.ttlMs))
      return
    }
    const cached = cache.find(operation.id)
    if (cached !== undefined) {
      this.#use(operation, cached)
      return
    }
    const waiting = this.#loading.get(operation.id)
    if (waiting !== undefined) {
      waiting.push(operation)
      return
    }
    this.#loading.set(operation.id, [operation])
    const isKnown = this.#host.hasSyncedReplica(partitionOf(operation.id))
    owner.lookup(operation.id, now, found => {
      this.#world.check(
        isKnown || found.type !== 'absent',
        () => `nobody who is up to date could say that there is no ${operation.id}`,
      )
      this.#onFound(operation.id, found)
    })
  }

  #onFound(id: SessionId, found: Found): void {
    const { cache } = this.#host
    const waiting = this.#loading.get(id) ?? []
    this.#loading.delete(id)
    const entry = found.type === 'found' ? (cache.find(id) ?? new SessionEntry(found.copy)) : cache.find(id)
    if (entry !== undefined) {
      cache.acquire(entry)
      cache.store(entry)
    }
    for (const operation of waiting) {
      if (found.type === 'unavailable') this.#answer(operation, errorOf(found.error))
      else if (entry === undefined) this.#answer(operation, { type: 'absent' })
      else this.#use(operation, entry)
    }
    if (entry !== undefined) cache.release(entry)
  }

  /** The app runs for a while with the live session, then what it did is committed. */
  #use(operation: Operation, entry: SessionEntry): void {
    this.#host.cache.acquire(entry)
    const { timeline } = this.#world
    timeline.after(this.#random.between(0, APP_MAX_MS), () => this.#commitWhenRunning(operation, entry))
  }

  #commitWhenRunning(operation: Operation, entry: SessionEntry): void {
    const { timeline } = this.#world
    const { dead, pausedUntil, cache } = this.#host
    if (dead) return
    if (pausedUntil > timeline.now) {
      timeline.after(pausedUntil - timeline.now, () => this.#commitWhenRunning(operation, entry))
      return
    }
    this.#commit(operation, entry)
    cache.release(entry)
    this.#effects.worked()
  }

  #commit(operation: Operation, entry: SessionEntry): void {
    const { now, cache } = this.#host
    const { ttlMs } = this.#world.parameters
    if (entry.destroyed || entry.expires <= now) {
      this.#answerWhenHeld(operation, entry, { type: 'absent' })
      return
    }
    if (operation.kind !== 'read' && operation.kind !== 'destroy' && cache.isOverfull) {
      this.#answer(operation, { type: 'error', code: 'SESSION_CACHE_FULL' })
      return
    }
    switch (operation.kind) {
      case 'list':
        break
      case 'read':
        this.#answerWhenHeld(operation, entry, toldOf(entry))
        break
      case 'create':
        this.#write(operation, entry, '0', now + ttlMs)
        break
      case 'increment':
        this.#write(operation, entry, String(Number(entry.text) + 1), now + ttlMs)
        break
      case 'shorten':
        this.#write(operation, entry, entry.text, now + ttlMs * SHORTENED)
        break
      case 'destroy':
        // As the web server does: it may have lived longer once, and a copy from then must not outlive the tombstone.
        this.#write(operation, entry, null, Math.max(entry.expires, now + ttlMs))
        break
      default:
        operation.kind satisfies never
    }
  }

  #write(operation: Operation, entry: SessionEntry, text: string | null, expires: number): void {
    const { owner, cache, now } = this.#host
    const epoch = owner.epochOf(entry.partition)
    if (epoch === null || entry.detached) {
      this.#answer(operation, { type: 'error', code: 'OWNERSHIP_LOST' })
      return
    }
    entry.commit(text, epoch, expires)
    if (text === null) entry.destroyed = true
    cache.store(entry)
    this.#effects.writes(entry.partition, epoch)
    const stamp: Stamp = { epoch, version: entry.version }
    const answer: Answer = text === null ? { type: 'destroyed' } : toldOf(entry)
    owner.mutate(entry.newestCopy(), now, error => {
      if (error === null) {
        this.#checkHeld(entry, stamp, true)
        if (stamp.version > entry.acknowledgedVersion) entry.acknowledgedVersion = stamp.version
      }
      this.#answer(operation, error === null ? answer : errorOf(error))
    })
  }

  /** What a request has seen must be safe before its answer tells of it. */
  #answerWhenHeld(operation: Operation, entry: SessionEntry, answer: Answer): void {
    const { id, detached, epoch, version } = entry
    const { owner, now } = this.#host
    if (detached) {
      this.#answer(operation, { type: 'error', code: 'OWNERSHIP_LOST' })
      return
    }
    owner.whenAcknowledged(id, now, error => {
      if (error === null && answer.type === 'value') this.#checkHeld(entry, { epoch, version }, false)
      this.#answer(operation, error === null ? answer : errorOf(error))
    })
  }

  /** As many session servers hold what is answered as `acks` asks for. @param written by this very operation */
  #checkHeld({ id, partition }: SessionEntry, stamp: Stamp, written: boolean): void {
    const { acks } = this.#world.parameters
    if (acks === 'none') return
    const holders = this.#world.holders.of(id, stamp)
    const lacking =
      acks === 'all' && written
        ? this.#host.countedReplicas(partition).filter(name => !holders.includes(name))
        : []
    this.#world.check(holders.length > 0 && lacking.length === 0, () =>
      lacking.length > 0
        ? `a change of ${id} was answered that ${lacking.join(', ')} never held`
        : `a change of ${id} was answered that no session server has ever held`,
    )
  }

  #answer({ number, id }: Operation, answer: Answer): void {
    const partition = partitionOf(id)
    this.#inUse.set(partition, (this.#inUse.get(partition) ?? 1) - 1)
    this.#effects.answer(number, answer)
  }
}

function toldOf({ text, expires }: SessionEntry): Answer {
  return { type: 'value', value: Number(text), expires }
}

function errorOf(error: { readonly code: string }): Answer {
  return { type: 'error', code: error.code }
}
