/** What the commands of a running cluster come to. */
import type { Replacement } from './command-errors.js'

/** What a reload came to. */
export interface ReloadResult {
  readonly replaced: readonly Replacement[]
  /** All web servers there are now. */
  readonly webServers: readonly string[]
}

/** What a change of the number of web servers came to. */
export interface ScaleResult {
  /** All web servers there are now. */
  readonly webServers: readonly string[]
  readonly started: readonly string[]
  readonly stopped: readonly string[]
  /** Partitions that requests have held on to for long: they move when they are free. */
  readonly partitionsInUse: number
}

/** What a drain came to. */
export interface DrainResult {
  readonly stopped: string
  /** All web servers there are now. */
  readonly webServers: readonly string[]
}
