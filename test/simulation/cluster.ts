/** All simulated actors together: started, and started again, as the server's supervisors do. */
import type { ActorName } from '../../lib/replication/ids.js'
import { PARTITIONS } from './clients.js'
import { SimulatedDirector } from './director.js'
import { Place } from './place.js'
import type { PlannedFault } from './schedule.js'
import type { SimulatedWebServer } from './web-server.js'
import type { World } from './world.js'
import { WriterCheck } from './writer-check.js'

/** How long a director that starts waits for session servers that are not there, and how often it looks, virtual ms. */
const START_TIMEOUT_MS = 3_000
const START_LOOK_MS = 50

export class Cluster {
  readonly director: SimulatedDirector
  readonly places: readonly Place[]
  readonly #world: World
  /** Rises with each start of the main host. */
  #mainHostLife = 0
  #isRestarting = false

  constructor(world: World) {
    this.#world = world
    this.director = new SimulatedDirector(world, PARTITIONS, new WriterCheck(world))
    const events = {
      up: this.director.onSessionServerUp.bind(this.director),
      lost: this.director.onSessionServerDead.bind(this.director),
    }
    this.places = world.parameters.sessionServers.map(
      (parameters, index) => new Place(world, `s-${index + 1}` as ActorName, parameters, PARTITIONS, events),
    )
    for (const place of this.places) {
      const { startsAtMs } = place.parameters
      if (startsAtMs === 0) place.start()
      else world.timeline.after(startsAtMs, () => place.start())
    }
    this.#start()
  }

  get isRestarting(): boolean {
    return this.#isRestarting
  }

  /** Everything that has ever started is up, and each partition has its copies. */
  get isWhole(): boolean {
    const { table, ends } = this.director
    const started = this.places.filter(({ server }) => server !== null)
    const missing = this.places.length - started.length
    const allUp = started.every(({ name, end }) => end !== null && ends.get(name) === end)
    return !this.#isRestarting && missing === 0 && allUp && table.isServing() && table.underCopied() === 0
  }

  /** What is not up, or not known to be so. */
  missing(): string[] {
    const { webServers, ends } = this.director
    const missing = this.places
      .filter(({ name, end }) => end === null || ends.get(name) !== end)
      .map(({ name }) => `${name} is not up`)
    if (webServers.length !== this.#world.parameters.webServers)
      missing.push(`${webServers.length} web servers`)
    return missing
  }

  /** Declares a web server dead in time, rightly or not, and starts another in its place. */
  replaceWebServer(server: SimulatedWebServer, detectMs: number, restartMs: number): void {
    const { timeline } = this.#world
    const life = this.#mainHostLife
    const ifStillUp = (then: () => void) => () => {
      if (this.#mainHostLife === life) then()
    }
    timeline.after(
      detectMs,
      ifStillUp(() => {
        this.director.onWebServerDead(server)
        for (const place of this.places) place.server?.onOwnerLost(String(server.life))
      }),
    )
    timeline.after(
      detectMs + restartMs,
      ifStillUp(() => this.director.startWebServer(server.name)),
    )
  }

  /** The process of the director ends, with whatever is on its host, and starts again. */
  restartAll(transaction: PlannedFault['transaction'], restartMs: number): void {
    this.#isRestarting = true
    this.#mainHostLife++
    this.director.end()
    for (const place of this.places) place.onMainHostLost(transaction)
    this.#world.timeline.after(restartMs, () => {
      for (const place of this.places) place.onMainHostStarts()
      this.#start()
    })
  }

  #start(): void {
    const life = ++this.#mainHostLife
    for (let index = 1; index <= this.#world.parameters.webServers; index++) {
      this.director.startWebServer(`web-${index}` as ActorName)
    }
    const { timeline } = this.#world
    const until = timeline.now + START_TIMEOUT_MS
    const openWhenReady = (): void => {
      if (this.#mainHostLife !== life) return
      const { size } = this.director.ends
      const isReady = size === this.#expected || (size > 0 && timeline.now >= until)
      if (!isReady) {
        timeline.after(START_LOOK_MS, openWhenReady)
        return
      }
      this.#isRestarting = false
      this.director.open()
    }
    openWhenReady()
  }

  /** Session servers that a start waits for: those that join later are none of them. */
  get #expected(): number {
    return this.places.filter(({ parameters }) => parameters.startsAtMs <= this.#world.timeline.now).length
  }
}
