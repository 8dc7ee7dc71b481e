/** The one app of a test cluster, which all of its web servers run. */
import { createServer } from 'node:http'
import type { WebServerStart } from '../transport/actor-control.js'
import type { App } from '../web-server/adapters/app.js'
import type { AppContext } from '../web-server/adapters/app-context.js'
import { appOfExport } from '../web-server/adapters/app-of-export.js'
import { loadApp } from '../web-server/adapters/load-app.js'
import { relayConnections } from '../web-server/adapters/relay-connections.js'
import type { Surroundings } from '../web-server/surroundings.js'

export class InlineApp {
  readonly #given: { readonly value: unknown } | null
  readonly #draining = new AbortController()
  #app: Promise<App> | null = null
  #endRelay: () => void = () => undefined

  /** @param given the app itself (in an object, since a Fastify instance is thenable); null for that of `config.app` */
  constructor(given: { readonly value: unknown } | null) {
    this.#given = given
  }

  /** What a web server of the cluster runs in. */
  surroundings(killed: AbortSignal): Surroundings {
    return {
      killed,
      loadApp: (options, context) => {
        this.#app ??= this.#load(options, context)
        return this.#app
      },
      // They are this process's.
      onUncaught: () => undefined,
    }
  }

  /** The cluster is about to stop. */
  drain(): void {
    this.#draining.abort()
  }

  /** The cluster has stopped: takes what it added off the app. */
  close(): void {
    this.#endRelay()
  }

  async #load({ app, listening, appStartMs }: WebServerStart, context: AppContext): Promise<App> {
    const loaded =
      this.#given === null
        ? await loadApp(
            app.file,
            { ...context, draining: this.#draining.signal },
            { listening, listenWithinMs: appStartMs, ownsThread: false },
          )
        : await appOfExport('given to createTestCluster', this.#given.value)
    // Each start of a web server adds listeners: not to what outlives the cluster.
    const server = createServer().setMaxListeners(0)
    this.#endRelay = relayConnections(server, loaded.server)
    return { ...loaded, server }
  }
}
