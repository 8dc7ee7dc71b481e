/**
 * The edge of replication in a web server: gives the pure {@link Owner} its clock, its ports to the session servers and
 * the end of each tick. Everything one tick asks for goes out in one message for each session server.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Acknowledged } from '../replication/acknowledgements.js'
import type { Assignment } from '../replication/assignment.js'
import type { SessionCopy } from '../replication/copy.js'
import type { HandedOver } from '../replication/handed-over.js'
import type { HostedSessions } from '../replication/hosted-sessions.js'
import {
  type ActorName,
  ALL_PARTITIONS,
  type Epoch,
  type Partition,
  type SessionId,
} from '../replication/ids.js'
import type { Listed } from '../replication/listings.js'
import type { Found } from '../replication/lookups.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import { Owner, type OwnerEffects, type OwnerOptions } from '../replication/owner.js'
import { BatchedPort, throwLater } from '../transport/batched-port.js'
import { type DurationCounts, DurationHistogram } from '../transport/histogram.js'
import { type LogOffered, OWNER_FORMS } from '../transport/replica-wire.js'
import { ReplicaLink } from './replica-link.js'

/** Time between two looks for what has waited too long, ms: the precision of `replication.ackTimeout`. */
const TICK_INTERVAL_MS = 50

/** Flushes within one turn of the event loop. */
const FLUSHES_PER_TURN = 64

/** What a web server's replication tells of. */
export type ReplicasEvents = Pick<OwnerEffects, 'settled' | 'fenced'>

interface Connection {
  readonly port: BatchedPort<FromReplica | LogOffered, ToReplica>
  readonly link: ReplicaLink
}

/** The replication core of one web server, running. */
export class Replicas {
  readonly #owner: Owner
  readonly #connections = new Map<ActorName, Connection>()
  readonly #ticks: NodeJS.Timeout
  readonly #flushAtTurn = () => {
    this.#isFlushDue = false
    this.#flushesLeft = FLUSHES_PER_TURN
    this.#flush()
  }
  readonly #flushAtOnce = () => {
    this.#isFlushingAtOnce = false
    this.#flush()
  }
  readonly #waits = new DurationHistogram()
  readonly #acks: OwnerOptions['acks']
  #isFlushDue = false
  #isFlushingAtOnce = false
  /** In this turn of the event loop. */
  #flushesLeft = FLUSHES_PER_TURN
  /** Every session server takes changes into a log: see {@link ReplicaLink}. */
  #areAllLogged = false
  #mutations = 0
  #acksFailed = 0

  constructor(options: OwnerOptions, hosted: HostedSessions, events: ReplicasEvents) {
    this.#acks = options.acks
    this.#owner = new Owner(options, hosted, {
      send: (replica, message) => this.#connections.get(replica)?.link.send(message),
      settled: settled => events.settled(settled),
      fenced: claim => events.fenced(claim),
    })
    this.#ticks = setInterval(() => this.#owner.onTick(Date.now()), TICK_INTERVAL_MS).unref()
  }

  get partitionCount(): number {
    return this.#owner.partitionCount
  }

  /** Mutations made since the start. */
  get mutationCount(): number {
    return this.#mutations
  }

  /** How long mutations waited for the acknowledgements that they need. */
  get acks(): DurationCounts {
    return this.#waits.read()
  }

  /** Mutations that did not get them. */
  get acksFailed(): number {
    return this.#acksFailed
  }

  /** Mutations that wait for an acknowledgement, over all session servers. */
  get outboxDepth(): number {
    return this.#owner.outboxDepth
  }

  /** Whether every replica holds the newest state of every session. */
  get isFlushed(): boolean {
    return this.#owner.unacknowledgedCount === 0
  }

  /** A port to a session server, replacing an earlier one. */
  connect(replica: ActorName, port: MessagePort): void {
    this.disconnect(replica)
    const replicaPort = new BatchedPort<FromReplica | LogOffered, ToReplica>(port, OWNER_FORMS)
    const link = new ReplicaLink({
      post: message => replicaPort.post(message),
      wake: () => replicaPort.nudge(),
    })
    replicaPort.onmessage = message => {
      if (message.type === 'log') {
        // Who waits for all wants an answer of each: a log also takes what its session server does not live to see.
        if (this.#acks === 'all') return
        link.onOffer(message)
        this.#onLogsChanged()
        return
      }
      link.onAnswer(message)
      this.#hear(replica, message)
      this.#flushSoon()
    }
    this.#connections.set(replica, { port: replicaPort, link })
    this.#onLogsChanged()
    this.#owner.onReplicaUp(replica, Date.now())
    this.#flushSoon()
  }

  disconnect(replica: ActorName): void {
    const connection = this.#connections.get(replica)
    if (connection === undefined) return
    this.#connections.delete(replica)
    this.#onLogsChanged()
    connection.port.onmessage = null
    connection.port.close()
    this.#owner.onReplicaLost(replica, Date.now())
    this.#flushSoon()
  }

  /** @param handedOver what came with them */
  assign(assignments: readonly Assignment[], handedOver: readonly HandedOver[] = []): void {
    this.#owner.onAssign(assignments, handedOver)
    this.#flushSoon()
  }

  /** See {@link Owner.release}. */
  release(partition: Partition): HandedOver | null {
    return this.#owner.release(partition)
  }

  epochOf(partition: Partition): Epoch | null {
    return this.#owner.epochOf(partition)
  }

  /** See {@link Owner.mutate}. */
  mutate(copy: SessionCopy, now: number, done: Acknowledged): void {
    this.#mutations++
    const madeAt = performance.now()
    this.#owner.mutate(copy, now, error => {
      if (error === null) this.#waits.observe(performance.now() - madeAt)
      else this.#acksFailed++
      done(error)
    })
    this.#flushSoon()
  }

  isAcknowledged(id: SessionId): boolean {
    return this.#owner.isAcknowledged(id)
  }

  whenAcknowledged(id: SessionId, now: number, done: Acknowledged): void {
    this.#owner.whenAcknowledged(id, now, done)
  }

  /** See {@link Owner.lookup}. */
  lookup(id: SessionId, now: number, done: (found: Found) => void): void {
    this.#owner.lookup(id, now, done)
    this.#flushSoon()
  }

  /** See {@link Owner.list}. */
  list(partition: Partition, now: number, done: (listed: Listed) => void): void {
    this.#owner.list(partition, now, done)
    this.#flushSoon()
  }

  /** Sends what is left, closes every port and owns nothing any more: whoever waits for an answer is told. */
  close(): void {
    clearInterval(this.#ticks)
    this.#flush()
    for (const partition of ALL_PARTITIONS) this.#owner.onUnassign(partition)
    for (const { port } of this.#connections.values()) port.close()
    this.#connections.clear()
  }

  #onLogsChanged(): void {
    this.#areAllLogged = [...this.#connections.values()].every(({ link }) => link.hasLog)
  }

  #flushLater(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(this.#flushAtTurn)
  }

  #flushSoon(): void {
    this.#flushLater()
    // Nothing is gained by sending more at once where every replica has a log; but an app that saves again and again must
    // not keep the loop from its turn.
    if (!this.#areAllLogged || this.#isFlushingAtOnce || this.#flushesLeft === 0) return
    this.#flushesLeft--
    this.#isFlushingAtOnce = true
    queueMicrotask(this.#flushAtOnce)
  }

  /** One that throws does not take the other answers with it. */
  #hear(replica: ActorName, answer: FromReplica): void {
    try {
      this.#owner.onMessage(replica, answer, Date.now())
    } catch (error) {
      throwLater(error)
    }
  }

  #flush(): void {
    this.#owner.flush()
    // Now, not in an immediate of their own: that would cost each change a turn of the event loop.
    for (const [replica, { port, link }] of this.#connections) {
      port.flush()
      for (const answer of link.takeAnswers()) {
        this.#hear(replica, answer)
        // What waited for it may go on.
        this.#flushLater()
      }
    }
  }
}
