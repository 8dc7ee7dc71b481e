/**
 * The commands that change which web servers there are: one at a time. What is under way by the cluster's own decision
 * (autoscale) is waited for, what another operator has begun is not.
 */
import { ClusterBusyError, ClusterStoppingError } from './command-errors.js'

/** What a command tells on its way. */
export type CommandProgress =
  /** A web server is being started. */
  | { readonly step: 'starting'; readonly webServer: string }
  /** It runs, and serves from here on. */
  | { readonly step: 'started'; readonly webServer: string }
  /** It hands its sessions over, and its requests finish. @param partitions those that it still owns */
  | { readonly step: 'draining'; readonly webServer: string; readonly partitions: number }
  | { readonly step: 'stopped'; readonly webServer: string }

/** Options of every command. */
export interface CommandOptions {
  /** Called at each step; must not throw. */
  readonly onProgress?: (progress: CommandProgress) => void
}

/** What a command's work is given. */
export interface CommandContext {
  /** Aborts when the cluster is stopped. */
  readonly signal: AbortSignal
  readonly tell: (progress: CommandProgress) => void
}

interface Running {
  readonly what: string
  readonly isAutomatic: boolean
  /** Never rejects. */
  readonly ended: Promise<void>
}

export class Commands {
  readonly #stopping = new AbortController()
  #running: Running | null = {
    what: 'the start of the cluster',
    isAutomatic: false,
    ended: Promise.resolve(),
  }

  /** The cluster has started. */
  open(): void {
    this.#running = null
  }

  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return this.#running === null && !this.#stopping.signal.aborted
  }

  /**
   * Carries a command out.
   * @param what for messages: `scale 3`
   * @throws ClusterBusyError | ClusterStoppingError, or what the work throws
   */
  async run<T>(
    what: string,
    work: (context: CommandContext) => Promise<T>,
    { onProgress = () => {} }: CommandOptions = {},
    isAutomatic = false,
  ): Promise<T> {
    while (this.#running?.isAutomatic) await this.#running.ended
    const { signal } = this.#stopping
    if (signal.aborted) throw new ClusterStoppingError()
    if (this.#running !== null) throw new ClusterBusyError(what, this.#running.what)
    const result = work({ signal, tell: onProgress })
    const ended = result.then(
      () => {},
      () => {},
    )
    const running = { what, isAutomatic, ended }
    this.#running = running
    try {
      return await result
    } catch (error) {
      // What goes wrong in a cluster that is being taken apart says nothing.
      throw signal.aborted ? new ClusterStoppingError() : error
    } finally {
      if (this.#running === running) this.#running = null
    }
  }

  /** Ends what is under way, and refuses all that follows. */
  stop(): void {
    this.#stopping.abort()
  }

  /** Resolves when nothing is under way any more. */
  async ended(): Promise<void> {
    await this.#running?.ended
  }
}
