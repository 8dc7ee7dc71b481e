/** Watches that each partition has one writer in each epoch. */
import type { Epoch, Partition } from '../../lib/replication/ids.js'
import type { SimulatedWebServer } from './web-server.js'
import type { World } from './world.js'

/** Invariant: one writer for each partition in each epoch. */
export class WriterCheck {
  readonly #world: World
  readonly #writers = new Map<string, SimulatedWebServer>()

  constructor(world: World) {
    this.#world = world
  }

  /** Epochs begin anew: the last session server that knew of any is gone. */
  forget(): void {
    this.#writers.clear()
  }

  onWrite(partition: Partition, epoch: Epoch, writer: SimulatedWebServer): void {
    const key = `${partition}/${epoch}`
    const known = this.#writers.get(key)
    if (known === undefined) this.#writers.set(key, writer)
    this.#world.check(
      known === undefined || known === writer,
      () => `partition ${partition} has two writers in epoch ${epoch}: ${known?.name} and ${writer.name}`,
    )
  }
}
