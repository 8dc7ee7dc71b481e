/**
 * The web servers of this host. When they are added and removed is decided by `rolling-restart.ts` and `scaling.ts`; each
 * of them is `web-server.ts`.
 */
import type { Config } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import type { WebServerControl } from '../transport/actor-control.js'
import { STOP_MS, type Supervisor } from './actors/supervisor.js'
import { ClusterStoppingError } from './command-errors.js'
import type { WebServerLink } from './front/router.js'
import { WebServer, type WebServerSurroundings } from './web-server.js'

/** What web servers need of the director. */
export interface WebServersOptions extends WebServerSurroundings {
  readonly config: Config
}

export class WebServers {
  readonly #options: WebServersOptions
  /** By name, in the order of their numbers. */
  #all = new Map<ActorName, WebServer>()
  #adminUrl: string | null = null
  #isStopping = false

  constructor(options: WebServersOptions) {
    this.#options = options
  }

  get supervisors(): ReadonlyMap<ActorName, Supervisor<WebServerControl>> {
    return new Map([...this.#all].map(([name, { supervisor }]) => [name, supervisor]))
  }

  /** The front's way to each web server that runs. */
  get links(): ReadonlyMap<ActorName, WebServerLink> {
    return new Map([...this.#all].flatMap(([name, { link }]) => (link === null ? [] : [[name, link]])))
  }

  /** In the order of their numbers. */
  get names(): readonly ActorName[] {
    return [...this.#all.keys()]
  }

  /**
   * Starts as many as are configured.
   * @param adminUrl what the app is told of the admin listener
   * @throws AppLoadError, or why else a first start failed
   */
  async start(adminUrl: string | null): Promise<void> {
    this.#adminUrl = adminUrl
    const { config } = this.#options
    const { threads } = config.webServers
    const first = Array.from({ length: threads }, () => this.#make(config, false))
    await Promise.all(first.map(({ supervisor }) => supervisor.start()))
  }

  /**
   * Starts one more, under the lowest free number. It serves nothing before it is admitted.
   * @param onNamed told its name before it is there
   * @throws why it did not start; it is gone then. ClusterStoppingError
   */
  async add(config: Config, onNamed: (name: ActorName) => void): Promise<WebServer> {
    if (this.#isStopping) throw new ClusterStoppingError()
    const webServer = this.#make(config, true)
    onNamed(webServer.name)
    try {
      await webServer.supervisor.start()
    } catch (error) {
      await this.remove(webServer)
      throw error
    }
    return webServer
  }

  /** What each serves with: not all the same when a reload has ended half way. */
  get presentConfigs(): readonly Config[] {
    return [...this.#all.values()].map(({ presentConfig }) => presentConfig)
  }

  get(name: ActorName): WebServer | undefined {
    return this.#all.get(name)
  }

  /** What each is started with from here on. */
  configure(config: Config): void {
    for (const webServer of this.#all.values()) webServer.config = config
  }

  /** Ends a web server for good: what it owns is taken over, once every change has been copied. */
  async remove(webServer: WebServer): Promise<void> {
    const goOn = await webServer.quiesce()
    try {
      await webServer.flush(STOP_MS)
      await webServer.supervisor.stop()
    } finally {
      this.#all.delete(webServer.name)
      goOn()
    }
  }

  /** Tells every app that its web server is about to be stopped. */
  drain(): void {
    for (const { link } of this.#all.values()) link?.post({ type: 'draining' })
  }

  /** Waits until every change is copied; what is not in time is logged. */
  async flush(withinMs: number): Promise<void> {
    await Promise.all([...this.#all.values()].map(webServer => webServer.flush(withinMs)))
  }

  /** None is added from here on. */
  close(): void {
    this.#isStopping = true
  }

  async stop(): Promise<void> {
    this.close()
    await Promise.all([...this.#all.values()].map(({ supervisor }) => supervisor.stop()))
  }

  #make(config: Config, aside: boolean): WebServer {
    const name = this.#freeName()
    const webServer = new WebServer({ name, config, aside, adminUrl: this.#adminUrl }, this.#options)
    const all = [...this.#all, [name, webServer] as const]
    this.#all = new Map(all.sort(([a], [b]) => numberOf(a) - numberOf(b)))
    return webServer
  }

  #freeName(): ActorName {
    for (let number = 1; ; number++) {
      const name = `${NAME_PREFIX}${number}` as ActorName
      if (!this.#all.has(name)) return name
    }
  }
}

const NAME_PREFIX = 'web-'

function numberOf(name: ActorName): number {
  return Number(name.slice(NAME_PREFIX.length))
}
