/**
 * What a replica shows to the owners in its process: the epoch by which it fences each partition, and whether it sleeps.
 * In shared memory, since an owner that writes to its log (`mutation-log.ts`) gets no answer: it looks here afterwards
 * whether it is still the owner. The replica raises a fence here first and takes out the logs then, the owner appends
 * first and looks then: so either the owner sees that it is fenced, or the replica sees what was appended.
 */
import { type Epoch, PARTITION_COUNT, type Partition } from '../replication/ids.js'

/** After the fences. Not 0 while the replica looks at its logs only when it is told to. */
const ASLEEP = PARTITION_COUNT

/** @returns memory for the board of one replica: no fences, asleep */
export function createFenceBoard(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((PARTITION_COUNT + 1) * Uint32Array.BYTES_PER_ELEMENT)
  new Uint32Array(memory)[ASLEEP] = 1
  return memory
}

/** Epochs from here on have no place on a board, and it fences all of them: none was ever reached. */
const EPOCH_MAX = 0xffffffff

/** Either end's view of a board. */
export class FenceBoard {
  readonly #words: Uint32Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Uint32Array(memory)
  }

  /** Whether a mutation of an owner of this epoch may be refused. */
  fences(partition: Partition, authority: Epoch): boolean {
    return authority >= EPOCH_MAX || Atomics.load(this.#words, partition) > authority
  }

  /** @returns false when it was as high before. For the replica */
  raise(partition: Partition, epoch: Epoch): boolean {
    const shown = Math.min(epoch, EPOCH_MAX)
    if (Atomics.load(this.#words, partition) >= shown) return false
    Atomics.store(this.#words, partition, shown)
    return true
  }

  /** From here on the replica wants to be woken by whoever appends. */
  sleep(): void {
    Atomics.store(this.#words, ASLEEP, 1)
  }

  /** @returns whether it was asleep: then whoever called has to tell it */
  wake(): boolean {
    return Atomics.load(this.#words, ASLEEP) !== 0 && Atomics.compareExchange(this.#words, ASLEEP, 1, 0) === 1
  }
}
