/** `createTestCluster` of 'troupe/test': a whole cluster on the thread of a test. */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { validateConfig } from '../config/validate.js'
import { InlineStage } from '../director/actors/inline-stage.js'
import type { Cluster } from '../director/cluster.js'
import { Director, type DirectorOptions } from '../director/director.js'
import { runSessionServer } from '../session-server/actor.js'
import { runDirector } from '../start.js'
import { runWebServer } from '../web-server/actor.js'
import { isApp } from '../web-server/adapters/app-of-export.js'
import { type Configuration, type LogOption, pathOf } from './configuration.js'
import { NotAnAppError } from './errors.js'
import { InlineApp } from './inline-app.js'
import { logOf } from './start-cluster.js'

export type { Cluster } from '../director/cluster.js'
export type { Configuration, LogOption } from './configuration.js'

/** A cluster for tests. */
export interface TestCluster extends Cluster {
  /**
   * Lets actors die as in a crash, one after the other, and waits until each is back and every session has an owner
   * again. An actor that dies again and again within seconds comes back with a growing delay, as in production.
   * @param names `web-1`, or the name of a session server; default: every web server
   * @throws UnknownActorError
   */
  crash(...names: string[]): Promise<void>
}

/** Options of {@link createTestCluster}. */
export interface TestClusterOptions {
  /** Default: none. */
  readonly log?: LogOption
}

/** Time between two looks whether a crash is over, ms. */
const POLL_MS = 2

/**
 * Starts a cluster for tests, within milliseconds and all on this thread: the real director, two web servers, and two
 * session servers that keep copies in memory, on a free port of 127.0.0.1. Several may run in one process.
 *
 * Since they share one thread and one app: both web servers run the very same app object, module state included; what
 * a crashed web server was doing for a request goes on for nobody; an event loop that hangs, hangs all; errors that
 * nobody catches are this process's, where a real cluster replaces the web server; `webServers.heapMb` has no effect;
 * and `troupe/store`, which finds its cluster by its thread, has none here.
 * A module named by its path is loaded as any other of this process, so once.
 *
 * @param app an Express, Connect or Koa app, a Fastify instance, an object with fetch (Hono), an http.Server that does
 * not listen, or a listener; or the path or `file:` URL of a module
 * @param configuration sections as in a configuration file, in place of those defaults
 * @throws TroupeError CONFIG_INVALID, NOT_AN_APP, APP_LOAD_FAILED
 */
export async function createTestCluster(
  app: unknown,
  configuration: Omit<Configuration, 'app'> = {},
  { log = false }: TestClusterOptions = {},
): Promise<TestCluster> {
  const file = typeof app === 'string' || app instanceof URL ? pathOf(app) : null
  if (file === null && !isApp(app)) throw new NotAnAppError(app === null ? 'null' : `a ${typeof app}`)
  const { listen, webServers, session, ...rest } = configuration
  const { config } = validateConfig(
    {
      app: file ?? 'the app given to createTestCluster',
      drainTimeout: '1s',
      ...rest,
      listen: { host: '127.0.0.1', port: 0, ...listen },
      webServers: { threads: 2, ...webServers },
      session: { secret: randomBytes(SECRET_BYTES).toString('base64url'), ...session },
    },
    { source: 'createTestCluster', folder: process.cwd(), env: process.env },
  )
  const inline = new InlineApp(file === null ? { value: app } : null)
  const stage = new InlineStage({
    'web-server': (task, killed) => runWebServer(task, inline.surroundings(killed)),
    'session-server': runSessionServer,
  })
  const logger = logOf(log)
  return await runDirector(
    new TestDirector({ config, log: logger, tls: null, stage }, inline),
    config,
    logger,
  )
}

const SECRET_BYTES = 32

class TestDirector extends Director implements TestCluster {
  readonly #app: InlineApp

  constructor(options: DirectorOptions, app: InlineApp) {
    super(options)
    this.#app = app
  }

  override async stop(): Promise<void> {
    this.#app.drain()
    await super.stop()
    this.#app.close()
  }

  async crash(...names: string[]): Promise<void> {
    const { webServers } = await this.status()
    for (const name of names.length > 0 ? names : webServers.map(each => each.name)) {
      const { restarts } = await this.#lifeOf(name)
      await this.kill(name)
      while (true) {
        const life = await this.#lifeOf(name)
        if (life.restarts > restarts && life.state === 'running' && this.isReady()) break
        await wait(POLL_MS)
      }
    }
  }

  async #lifeOf(name: string): Promise<{ readonly state: string; readonly restarts: number }> {
    const { webServers, sessionServers } = await this.status()
    return (
      [...webServers, ...sessionServers].find(each => each.name === name) ?? { state: 'unknown', restarts: 0 }
    )
  }
}
