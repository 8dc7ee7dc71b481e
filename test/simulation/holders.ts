/** Which session servers have ever held which state of each session: what an answer may rely on. */
import { compareStamps, type Stamp } from '../../lib/replication/copy.js'
import type { ActorName, SessionId } from '../../lib/replication/ids.js'

export class Holders {
  readonly #newest = new Map<SessionId, Map<ActorName, Stamp>>()

  onHeld(name: ActorName, id: SessionId, stamp: Stamp): void {
    let ofSession = this.#newest.get(id)
    if (ofSession === undefined) {
      ofSession = new Map()
      this.#newest.set(id, ofSession)
    }
    const known = ofSession.get(name)
    if (known === undefined || compareStamps(stamp, known) > 0) ofSession.set(name, stamp)
  }

  /** @returns those that have held this state of it, or a newer one */
  of(id: SessionId, stamp: Stamp): ActorName[] {
    const names: ActorName[] = []
    for (const [name, held] of this.#newest.get(id) ?? [])
      if (compareStamps(held, stamp) >= 0) names.push(name)
    return names
  }
}
