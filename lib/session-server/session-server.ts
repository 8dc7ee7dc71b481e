/** What stands behind a session server's ports: something that holds copies itself, or a gateway to one that does. */
import type { Epoch } from '../replication/ids.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import type { SessionServerStats } from '../transport/actor-control.js'

/** Takes the messages of owners. Those of one owner arrive in the order in which it sent them. */
export interface SessionServer {
  /** Whether it holds a mutation as soon as that is in the memory of its process: then owners there may share a log with it. */
  readonly holdsInMemory: boolean
  /**
   * Handles one well-formed message.
   * @param answer sends to the owner; called at once or later, as often as the message has answers
   */
  receive(message: ToReplica, answer: (answer: FromReplica) => void): void
  stats(): Promise<SessionServerStats>
  /** The highest epoch ever claimed of each partition, by partition number: a director goes on from there. */
  fences(): Promise<readonly Epoch[]>
  /**
   * Settles, with why, when it can keep copies no more: its disk is full or broken, its far side does not answer. It
   * counts as lost then, and is started again with back-off. Pending for ever for one that can't fail so.
   */
  readonly failed: Promise<Error>
  /** Lets go of everything it holds. Nothing is received after that. */
  close(): Promise<void>
}
