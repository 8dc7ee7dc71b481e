/** Which partitions requests are using: a handover gives up a partition only when none does. */
import { PARTITION_COUNT, type Partition } from '../../replication/ids.js'

/** Counts the uses of each partition. */
export class PartitionUses {
  readonly #counts = new Int32Array(PARTITION_COUNT)
  /** Those of them that are tunnels. */
  readonly #tunnels = new Int32Array(PARTITION_COUNT)
  #visitors = 0

  /** Open requests that came without a session, and may begin one. */
  get visitors(): number {
    return this.#visitors
  }

  /** A request without a session begins. */
  visitorCame(): void {
    this.#visitors++
  }

  visitorLeft(): void {
    this.#visitors--
  }

  /** @returns how many requests and tunnels use sessions of this partition, or wait for one of them to be looked up */
  count(partition: Partition): number {
    return this.#counts[partition] ?? 0
  }

  /** Whether it is in use by nothing but tunnels, which may stay for hours: not worth waiting for. */
  isHeldByTunnels(partition: Partition): boolean {
    const count = this.count(partition)
    return count > 0 && count === this.#tunnels[partition]
  }

  acquire(partition: Partition): void {
    this.#counts[partition] = this.count(partition) + 1
  }

  /** A request that uses it goes on as a tunnel. */
  toTunnel(partition: Partition): void {
    this.#tunnels[partition] = (this.#tunnels[partition] ?? 0) + 1
  }

  release(partition: Partition, isTunnel = false): void {
    this.#counts[partition] = this.count(partition) - 1
    if (isTunnel) this.#tunnels[partition] = (this.#tunnels[partition] ?? 0) - 1
  }
}
