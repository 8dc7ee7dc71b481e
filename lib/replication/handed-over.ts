/** What the owner of a partition leaves to the next one at a handover, so that its sessions need not be looked up. */
import type { SessionCopy } from './copy.js'
import type { Epoch, Partition } from './ids.js'

/** Cached sessions of one partition, or a part of them: what is missing is looked up when it is needed. */
export interface HandedOver {
  readonly partition: Partition
  /** The epoch that ended with the handover: these are the newest copies at the beginning of the one that follows. */
  readonly epoch: Epoch
  readonly copies: readonly SessionCopy[]
  /** The owner had not read ahead yet what no cache held: the next one does. */
  readonly cold: boolean
}
