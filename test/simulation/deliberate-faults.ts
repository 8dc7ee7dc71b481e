/**
 * Mistakes that are put into the protocol on purpose, to prove that the checks would find them. Each replaces one method
 * of a class of the core while a schedule runs: nothing in the core knows of it.
 */
import { Acknowledgements } from '../../lib/replication/acknowledgements.js'
import type { SessionCopy } from '../../lib/replication/copy.js'
import type { ActorName, Epoch, Partition, SessionId, Version } from '../../lib/replication/ids.js'
import { Listings } from '../../lib/replication/listings.js'
import { Lookups } from '../../lib/replication/lookups.js'
import type { ToReplica } from '../../lib/replication/messages.js'
import { Outbox } from '../../lib/replication/outbox.js'
import { OwnedPartitions } from '../../lib/replication/owned-partitions.js'
import { Owner } from '../../lib/replication/owner.js'
import { PartitionTable } from '../../lib/replication/partition-table.js'
import { Replica } from '../../lib/replication/replica.js'
import { Resync } from '../../lib/replication/resync.js'
import { OwnerLogs } from '../../lib/session-server/owner-logs.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import { FenceBoard } from '../../lib/transport/fence-board.js'
import { ReplicaLink } from '../../lib/web-server/replica-link.js'
import { SessionCache } from '../../lib/web-server/sessions/session-cache.js'
import { SessionEntry } from '../../lib/web-server/sessions/session-entry.js'
import { SimulatedDisk } from './disk.js'
import { replaced, replacedGetter } from './replaced.js'

/** One mistake: puts it in, and gives back what takes it out. */
export interface DeliberateFault {
  /** Who does what wrong. */
  readonly sentence: string
  /** @returns takes the mistake out again */
  readonly putIn: () => () => void
}

type Apply = Extract<ToReplica, { type: 'apply' }>
type Forget = Extract<ToReplica, { type: 'forget' }>

export const DELIBERATE_FAULTS: Readonly<Record<string, DeliberateFault>> = {
  'ack-before-apply': {
    sentence: 'a replica that acknowledges before it holds the change',
    putIn: () => {
      const waiting = new WeakMap<Replica, Apply>()
      return replaced(
        Replica.prototype,
        'onMessage',
        original =>
          function (message, now) {
            const late = waiting.get(this)
            waiting.delete(this)
            if (late !== undefined) original.call(this, late, now)
            if (message.type !== 'apply') return original.call(this, message, now)
            waiting.set(this, message)
            return [{ type: 'applied', batch: message.batch, fenced: [] }]
          },
      )
    },
  },
  'no-epoch-check': {
    sentence: 'a replica that takes mutations of an earlier owner',
    putIn: () => replaced(MemoryStore.prototype, 'fence', () => () => 0 as Epoch),
  },
  'no-fence-on-claim': {
    sentence: 'a replica that does not raise its fence at a claim',
    putIn: () =>
      replaced(
        Replica.prototype,
        'onMessage',
        original =>
          function (message, now) {
            return message.type === 'claim' ? [] : original.call(this, message, now)
          },
      ),
  },
  'no-tombstones': {
    sentence: 'a replica that forgets what was destroyed',
    putIn: () =>
      replaced(
        MemoryStore.prototype,
        'set',
        original =>
          function (copy, partition) {
            if (copy.data === null) this.delete(copy.id, partition)
            else original.call(this, copy, partition)
          },
      ),
  },
  'tombstone-ends-at-once': {
    sentence: 'an owner whose tombstones end before the session would have',
    putIn: () =>
      replaced(
        SessionEntry.prototype,
        'newestCopy',
        original =>
          function () {
            const copy = original.call(this)
            return copy.data === null ? { ...copy, expires: 0 } : copy
          },
      ),
  },
  'sweeps-early': {
    sentence: 'a replica that removes copies before they have expired',
    putIn: () =>
      replaced(
        Replica.prototype,
        'onTick',
        original =>
          function (now) {
            original.call(this, now + 1_000)
          },
      ),
  },
  'forgets-when-told-late': {
    sentence: 'a replica that heeds an order to forget when it has become one again',
    putIn: () => {
      const orders = new WeakMap<Replica, Map<Partition, Forget>>()
      return replaced(
        Replica.prototype,
        'onMessage',
        original =>
          function (message, now) {
            const late = orders.get(this) ?? new Map<Partition, Forget>()
            orders.set(this, late)
            if (message.type === 'forget') {
              late.set(message.claim.partition, message)
              return []
            }
            const answers = original.call(this, message, now)
            if (message.type !== 'claim') return answers
            for (const claim of message.claims) {
              if (late.delete(claim.partition)) original.call(this, { type: 'forget', claim }, now)
            }
            return answers
          },
      )
    },
  },
  'acknowledges-before-the-flush': {
    sentence: 'a disk that calls a transaction durable before it is flushed',
    putIn: () => replacedGetter(SimulatedDisk.prototype, 'isBusy', () => true),
  },
  'first-synced-answer-wins': {
    sentence: 'an owner that believes one replica though others may hold newer copies',
    putIn: () =>
      replaced(
        Lookups.prototype,
        'start',
        original =>
          function (id, replicas, _, now, done) {
            original.call(this, id, replicas, true, now, done)
          },
      ),
  },
  'first-replica-wins': {
    sentence: 'an owner that takes the first replica instead of the newest copy',
    putIn: () => {
      const first = new WeakMap<Lookups, ActorName>()
      return replaced(
        Lookups.prototype,
        'onFound',
        original =>
          function (replica, call, copies, now) {
            const heeded = first.get(this) ?? replica
            first.set(this, heeded)
            return original.call(
              this,
              replica,
              call,
              replica === heeded ? copies : copies.map(() => null),
              now,
            )
          },
      )
    },
  },
  'none-of-unsynced-believed': {
    sentence: 'an owner that believes "there is none" of a replica that is not up to date',
    putIn: () =>
      replaced(
        Lookups.prototype,
        'start',
        original =>
          function (id, replicas, settled, now, done) {
            original.call(
              this,
              id,
              replicas.map(({ name }) => ({ name, synced: true })),
              settled,
              now,
              done,
            )
          },
      ),
  },
  'lists-what-one-has': {
    sentence: 'an owner that believes one list though others may name more',
    putIn: () =>
      replaced(
        Listings.prototype,
        'start',
        original =>
          function (partition, replicas, _, now, ask, done) {
            const all = replicas.map(({ name }) => ({ name, synced: true }))
            original.call(this, partition, all, true, now, ask, done)
          },
      ),
  },
  'evict-unacknowledged': {
    sentence: 'a cache that evicts what is not acknowledged',
    putIn: () =>
      replacedGetter(SessionEntry.prototype, 'isPinned', function () {
        return this.uses > 0
      }),
  },
  'no-push-of-cached': {
    sentence: 'an owner that does not push its cached sessions when a session server is lost',
    putIn: () =>
      replaced(
        SessionCache.prototype,
        'inPartition',
        () =>
          function* () {
            // As if it had none.
          },
      ),
  },
  'resync-passes-nothing-on': {
    sentence: 'an owner that reads what no cache holds and does not pass it on',
    putIn: () =>
      replaced(
        Resync.prototype,
        'onFound',
        original =>
          function (call, copies) {
            original.call(
              this,
              call,
              copies.map(() => null),
            )
          },
      ),
  },
  'settled-before-barrier': {
    sentence: 'an owner that reports settled before its replicas were compared and have acknowledged',
    putIn: () => {
      const takeOutStart = replaced(Resync.prototype, 'start', () => () => {
        // As if all of them had the same.
      })
      const takeOutBarrier = replaced(
        Outbox.prototype,
        'onceAcknowledged',
        () => (passed: () => void) => passed(),
      )
      return () => {
        takeOutBarrier()
        takeOutStart()
      }
    },
  },
  'new-replica-counts-at-once': {
    sentence: 'an owner that takes every replica for up to date',
    putIn: () =>
      replaced(
        Owner.prototype,
        'onAssign',
        original =>
          function (assignments, handedOver) {
            const believed = assignments.map(assignment => ({
              ...assignment,
              replicas: assignment.replicas.map(replica => ({ ...replica, synced: true })),
            }))
            original.call(this, believed, handedOver)
          },
      ),
  },
  'coalesce-keeps-older': {
    sentence: 'an outbox that keeps the older of two states of a session',
    putIn: () => {
      const queued = new WeakMap<Outbox, Set<SessionId>>()
      const takeOutNext = replaced(
        Outbox.prototype,
        'nextBatch',
        original =>
          function () {
            const batch = original.call(this)
            for (const { id } of batch?.mutations ?? []) queued.get(this)?.delete(id)
            return batch
          },
      )
      const takeOutEnqueue = replaced(
        Outbox.prototype,
        'enqueue',
        original =>
          function (mutation) {
            const ids = queued.get(this) ?? new Set()
            queued.set(this, ids)
            if (ids.has(mutation.id)) return
            ids.add(mutation.id)
            original.call(this, mutation)
          },
      )
      return () => {
        takeOutEnqueue()
        takeOutNext()
      }
    },
  },
  'one-too-few': {
    sentence: 'an owner that waits for one acknowledgement too few',
    putIn: () =>
      replaced(
        OwnedPartitions.prototype,
        'get',
        original =>
          function (partition) {
            const owned = original.call(this, partition)
            return owned === undefined ? undefined : { ...owned, required: owned.required - 1 }
          },
      ),
  },
  'who-left-counts': {
    sentence: 'an owner that counts the acknowledgement of a replica that has left the partition',
    putIn: () =>
      replaced(
        Acknowledgements.prototype,
        'onHeld',
        original =>
          function (replica, copy) {
            const { get } = OwnedPartitions.prototype
            // The first question is whether it belongs to the partition.
            OwnedPartitions.prototype.get = function (partition) {
              OwnedPartitions.prototype.get = get
              const owned = get.call(this, partition)
              return owned === undefined ? undefined : { ...owned, reachable: [replica] }
            }
            try {
              return original.call(this, replica, copy)
            } finally {
              OwnedPartitions.prototype.get = get
            }
          },
      ),
  },
  'older-state-counts': {
    sentence: 'an owner that takes the acknowledgement of an older state for that of the newest',
    putIn: () =>
      replaced(
        Acknowledgements.prototype,
        'onHeld',
        original =>
          function (replica, copy) {
            return original.call(this, replica, { ...copy, version: (copy.version + 1_000) as Version })
          },
      ),
  },
  'tells-what-is-not-safe': {
    sentence: 'an owner that answers reads of a state that no replica holds yet',
    putIn: () =>
      replaced(Acknowledgements.prototype, 'whenAcknowledged', () => (_id, _now, done) => {
        done(null)
      }),
  },
  'version-not-raised': {
    sentence: 'an owner that changes a session without raising its version',
    putIn: () =>
      replaced(
        SessionEntry.prototype,
        'commit',
        original =>
          function (text, epoch, expires) {
            const { version } = this
            original.call(this, text, epoch, expires)
            if (version > 1) this.version = version
          },
      ),
  },
  'touch-loses-data': {
    sentence: 'an owner whose touch replaces the data',
    putIn: () =>
      replaced(
        SessionEntry.prototype,
        'commit',
        original =>
          function (text, epoch, expires) {
            original.call(this, text === this.text && this.version > 0 ? '0' : text, epoch, expires)
          },
      ),
  },
  'stale-handover': {
    sentence: 'an owner that hands over its sessions as they were before the last change',
    putIn: () => {
      const last = new Map<SessionId, SessionCopy>()
      const before = new Map<SessionId, SessionCopy>()
      const takeOutMutate = replaced(
        Owner.prototype,
        'mutate',
        original =>
          function (copy, now, done) {
            const known = last.get(copy.id)
            if (known !== undefined) before.set(copy.id, known)
            last.set(copy.id, copy)
            original.call(this, copy, now, done)
          },
      )
      const takeOutRelease = replaced(
        Owner.prototype,
        'release',
        original =>
          function (partition) {
            const left = original.call(this, partition)
            if (left === null) return null
            return { ...left, copies: left.copies.map(copy => before.get(copy.id) ?? copy) }
          },
      )
      return () => {
        takeOutRelease()
        takeOutMutate()
      }
    },
  },
  'releases-unflushed': {
    sentence: 'an owner that gives a partition up before every replica holds its changes',
    putIn: () => replaced(Owner.prototype, 'isFlushed', () => () => true),
  },
  'start-ignores-fences': {
    sentence: 'a director that does not ask which epochs there were before it',
    putIn: () =>
      replaced(
        PartitionTable.prototype,
        'onSessionServerUp',
        original =>
          function (name) {
            return original.call(this, name, [])
          },
      ),
  },
  'loss-forgets-the-claim': {
    sentence: 'an owner that takes what is said to the life of a session server before for said to the next',
    putIn: () =>
      replaced(Owner.prototype, 'onReplicaLost', () => () => {
        // Its outbox stays, with whatever was on its way.
      }),
  },
  'logs-left-at-claim': {
    sentence: 'a replica that lets another own a partition before it has looked into the logs',
    putIn: () =>
      replaced(OwnerLogs.prototype, 'before', () => () => {
        // They are looked into when their time has come.
      }),
  },
  'no-look-at-the-board': {
    sentence:
      'an owner that counts on what it wrote into a log after another owner had claimed the partition',
    putIn: () => replaced(FenceBoard.prototype, 'fences', () => () => false),
  },
  'log-overtakes-answers': {
    sentence: 'an owner that uses a log while it waits for an answer of the same replica',
    putIn: () =>
      replaced(
        ReplicaLink.prototype,
        'send',
        original =>
          function (message) {
            original.call(this, message)
            if (message.type === 'read') this.onAnswer({ type: 'found', call: message.call, copies: [] })
          },
      ),
  },
}

/** Puts a mistake in for as long as something runs. */
export function withFault<T>(name: string, work: () => T): T {
  const fault = DELIBERATE_FAULTS[name]
  if (fault === undefined)
    throw new RangeError(`no deliberate fault is named ${name}: ${Object.keys(DELIBERATE_FAULTS).join(', ')}`)
  const takeOut = fault.putIn()
  try {
    return work()
  } finally {
    takeOut()
  }
}
