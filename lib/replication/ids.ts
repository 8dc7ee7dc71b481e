/** The identities that routing, placement and copying speak in (docs/design.md, "Words"). */
import { crc32 } from './crc32.js'

declare const brand: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** The unsigned id of one session: 24 random bytes as base64url when Troupe minted it. */
export type SessionId = Branded<string, 'SessionId'>
/** One of {@link PARTITION_COUNT} subsets of all sessions: an integer from 0. */
export type Partition = Branded<number, 'Partition'>
/** Rises by one each time a partition changes owner; 0 means that it never had one. */
export type Epoch = Branded<number, 'Epoch'>
/** Rises by one with each mutation of one session; the first is 1. */
export type Version = Branded<number, 'Version'>
/** The name of an actor, unique in a cluster: `web-1`, `a`. */
export type ActorName = Branded<string, 'ActorName'>

/** How many partitions there are: fixed, since every host and every stored copy depends on it. */
export const PARTITION_COUNT = 1024

/** @returns the partition of a session: crc32 of its id, modulo {@link PARTITION_COUNT}. */
export function partitionOf(id: string): Partition {
  return (crc32(id) % PARTITION_COUNT) as Partition
}

/** Every partition, in order. */
export const ALL_PARTITIONS: readonly Partition[] = Array.from(
  { length: PARTITION_COUNT },
  (_, index) => index as Partition,
)
