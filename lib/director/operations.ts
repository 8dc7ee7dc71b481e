/** What can be done to a running cluster: reload, scale, drain; and what it does by itself, autoscale. */
import type { Logger } from 'pino'
import { canRotate, needsRestart } from '../config/reloadable.js'
import { type Config, WEB_SERVERS_MAX } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import { Autoscale } from './autoscale.js'
import { UnknownActorError } from './cluster.js'
import { LastWebServerError, ReloadRefusedError, ScaleRangeError } from './command-errors.js'
import type { DrainResult, ReloadResult, ScaleResult } from './command-results.js'
import { type CommandContext, type CommandOptions, Commands } from './commands.js'
import type { Ownership } from './ownership.js'
import { rollingRestart } from './rolling-restart.js'
import { scaleTo, shrink } from './scaling.js'
import type { WebServers } from './web-servers.js'

/** What operations need of the director. */
export interface OperationsOptions {
  readonly config: Config
  readonly log: Logger
  readonly webServers: WebServers
  readonly ownership: Ownership
  /** Reads the configuration anew; without it a reload goes on with what there is. @throws as when it was first read */
  readonly reread: (() => Promise<Config>) | undefined
}

const ROTATION =
  'Add the new secret behind the old one, reload, move it to the front, and reload again: then no session is lost.'
const RESTART = 'Restart Troupe to change them: sessions outlive that where their store does.'

export class Operations {
  readonly #options: OperationsOptions
  readonly #commands = new Commands()
  readonly #autoscale: Autoscale
  #config: Config
  /** The last number of web servers in the configuration that was carried out. */
  #threads: number

  constructor(options: OperationsOptions) {
    this.#options = options
    this.#config = options.config
    this.#threads = options.config.webServers.threads
    this.#autoscale = new Autoscale({
      log: options.log,
      bounds: () => this.#config.webServers.autoscale,
      supervisors: () => options.webServers.supervisors,
      isIdle: () => this.#commands.isIdle,
      scale: count => this.#commands.run(`autoscale to ${count}`, work => this.#scale(count, work), {}, true),
    })
  }

  /** The configuration of this moment. */
  get config(): Config {
    return this.#config
  }

  /** The cluster has started. */
  open(): void {
    this.#commands.open()
    this.#autoscale.start()
  }

  /** Ends what is under way, and refuses all that follows. */
  stop(): void {
    this.#commands.stop()
    this.#autoscale.stop()
  }

  /** Resolves when nothing is under way any more. */
  ended(): Promise<void> {
    return this.#commands.ended()
  }

  /** See {@link Cluster.reload}. */
  reload(options?: CommandOptions): Promise<ReloadResult> {
    return this.#commands.run('a reload', work => this.#reload(work), options)
  }

  /** See {@link Cluster.scale}. */
  async scale(count: number, options?: CommandOptions): Promise<ScaleResult> {
    const { min, max } = this.#config.webServers.autoscale ?? { min: 1, max: WEB_SERVERS_MAX }
    if (!Number.isInteger(count) || count < min || count > max) throw new ScaleRangeError(count, min, max)
    return await this.#commands.run(
      `a change to ${count} web servers`,
      work => this.#scale(count, work),
      options,
    )
  }

  /** See {@link Cluster.drain}. */
  drain(name: string, options?: CommandOptions): Promise<DrainResult> {
    return this.#commands.run(
      `the draining of ${name}`,
      work => this.#drain(name as ActorName, work),
      options,
    )
  }

  async #reload(work: CommandContext): Promise<ReloadResult> {
    const { webServers, ownership, log, reread } = this.#options
    const before = this.#config
    const config = reread === undefined ? before : await reread()
    assertReloadable(before, webServers.presentConfigs, config)
    const begunAt = performance.now()
    const onCommitted = () => {
      this.#config = config
      webServers.configure(config)
      if (config.log.level !== before.log.level) log.level = config.log.level
    }
    const replaced = await rollingRestart({ ...work, webServers, config, onCommitted })
    // A number that was changed in the file counts; one that was not leaves what `scale` has set.
    const { threads } = config.webServers
    if (threads === this.#threads) await ownership.spread(work.signal)
    else await this.#scale(threads, work)
    this.#threads = threads
    this.#autoscale.onChanged()
    const ms = Math.round(performance.now() - begunAt)
    log.info({ webServers: webServers.names, durationMs: ms }, 'reloaded')
    return { replaced, webServers: webServers.names }
  }

  async #scale(count: number, work: CommandContext): Promise<ScaleResult> {
    const { webServers, ownership, log } = this.#options
    const before = webServers.names.length
    const result = await scaleTo(count, { ...work, webServers, ownership, config: this.#config })
    this.#autoscale.onChanged()
    log.info({ from: before, to: count, partitionsInUse: result.partitionsInUse }, 'scaled')
    return result
  }

  async #drain(name: ActorName, work: CommandContext): Promise<DrainResult> {
    const { webServers, ownership, log } = this.#options
    const { names } = webServers
    if (!names.includes(name)) throw new UnknownActorError(name, names)
    if (names.length === 1) throw new LastWebServerError(name)
    await shrink([name], { ...work, webServers, ownership, config: this.#config })
    work.signal.throwIfAborted()
    this.#autoscale.onChanged()
    log.info({ actor: name }, 'drained')
    return { stopped: name, webServers: webServers.names }
  }
}

/**
 * @param present what web servers serve with: others than `before` when a reload has ended half way
 * @throws ReloadRefusedError
 */
function assertReloadable(before: Config, present: readonly Config[], after: Config): void {
  const keys = needsRestart(before, after)
  if (keys.length > 0) throw new ReloadRefusedError(keys, RESTART)
  if (![before, ...present].every(({ session }) => canRotate(session.secrets, after.session.secrets))) {
    throw new ReloadRefusedError(['session.secret'], ROTATION)
  }
}
