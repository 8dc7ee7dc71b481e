/**
 * What happens to the sessions of this web server, told to the director as far as somebody there listens: without
 * listeners it costs a look at an empty set.
 */
import type { Assignment } from '../../replication/assignment.js'
import { PARTITION_COUNT, type Partition, type SessionId } from '../../replication/ids.js'
import { isReserved } from '../../transport/session-call-rules.js'
import type { SessionEvent, SessionEventKind } from '../../transport/session-events.js'
import type { SessionEntry } from './session-entry.js'

/** The session events of one web server. */
export class SessionEvents {
  readonly #tell: (event: SessionEvent) => void
  readonly #counts = { created: 0, destroyed: 0, expired: 0, 'taken-over': 0 }
  #wanted: ReadonlySet<SessionEventKind> = new Set()
  /** The epoch in which this web server owns, or last owned, each partition. */
  readonly #epochs = new Float64Array(PARTITION_COUNT)
  /** Partitions that came with that epoch from an owner that had died. */
  readonly #takenOver = new Set<Partition>()

  constructor(tell: (event: SessionEvent) => void) {
    this.#tell = tell
  }

  /** How often each happened. */
  get counts(): Readonly<Record<SessionEventKind, number>> {
    return { ...this.#counts }
  }

  /** Only these are told from here on. */
  want(kinds: readonly SessionEventKind[]): void {
    this.#wanted = new Set(kinds)
  }

  /** After a handover all copies are known to be the same; after a takeover they are not. */
  onAssign(assignments: readonly Assignment[]): void {
    for (const { partition, epoch, settled, continues } of assignments) {
      if (epoch <= (this.#epochs[partition] ?? 0)) continue
      this.#epochs[partition] = epoch
      if (continues) continue
      if (settled) this.#takenOver.delete(partition)
      else this.#takenOver.add(partition)
    }
  }

  /** It was committed for the first time. */
  created(entry: SessionEntry): void {
    this.#happened('created', entry)
  }

  destroyed(entry: SessionEntry): void {
    this.#happened('destroyed', entry)
  }

  /** It was found to have ended, maybe not for the first time. */
  expired(entry: SessionEntry): void {
    if (entry.destroyed || entry.expiryTold) return
    entry.expiryTold = true
    this.#happened('expired', entry)
  }

  /** It came from the session servers. */
  fetched(entry: SessionEntry): void {
    const { partition } = entry
    if (!this.#takenOver.has(partition) || entry.epoch >= (this.#epochs[partition] ?? 0)) return
    this.#happened('taken-over', entry)
  }

  #happened(kind: SessionEventKind, { id, partition }: { id: SessionId; partition: Partition }): void {
    if (isReserved(id)) return
    this.#counts[kind]++
    if (this.#wanted.has(kind)) this.#tell({ kind, id, partition })
  }
}

/** Of sessions that nobody wants to hear of. */
export const NO_SESSION_EVENTS = new SessionEvents(() => {})
