/** What stands behind a session server's ports: something that holds copies itself, or a gateway to one that does. */
import type { FromReplica, ToReplica } from '../replication/messages.js'
import type { SessionServerStats } from '../transport/actor-control.js'

/** Takes the messages of owners. Those of one owner arrive in the order in which it sent them. */
export interface SessionServer {
  /**
   * Handles one well-formed message.
   * @param answer sends to the owner; called at once or later, as often as the message has answers
   */
  receive(message: ToReplica, answer: (answer: FromReplica) => void): void
  stats(): Promise<SessionServerStats>
  /** Lets go of everything it holds. Nothing is received after that. */
  close(): Promise<void>
}
