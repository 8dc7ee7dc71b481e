/** What goes wrong in a schedule, and the repair that follows as the supervisor would do it. */
import type { ActorName } from '../../lib/replication/ids.js'
import { PARTITIONS } from './clients.js'
import type { SimulatedDirector } from './director.js'
import { type DiskImage, SimulatedSessionServer } from './session-server.js'
import type { SimulatedWebServer } from './web-server.js'
import type { World } from './world.js'

/** Longest time until a death is noticed, virtual ms. */
const DETECTION_MAX_MS = 300
/** Longest time until a dead actor is started again, virtual ms. */
const RESTART_MAX_MS = 2_000
/** Longest time that a web server runs on after it was declared dead, virtual ms. */
const ZOMBIE_MAX_MS = 1_500
/** Longest time that a session server handles nothing, virtual ms. */
const SLOW_MAX_MS = 1_500
/** Chance that another fault follows a change of the partition table, and how soon at most, virtual ms. */
const FOLLOWING_FAULT = 0.15
const FOLLOWING_MAX_MS = 100
/** Chance that a session server comes back with what its disk held some time ago. */
const OLD_IMAGE = 0.5

export class Faults {
  /** Faults that happened. */
  count = 0
  readonly #world: World
  readonly #director: SimulatedDirector
  /** Of each session server, what its disk held at some moment. */
  readonly #images = new Map<ActorName, DiskImage>()
  /** Web servers that something has happened to already: they will be declared dead. */
  readonly #doomed = new Set<SimulatedWebServer>()
  /** Ended or about to be, and the director does not know yet. */
  #unnoticed = 0
  /**
   * When the last copy of some partition was lost, virtual ms. An owner goes on in its epoch with what is left, so a
   * disk from before then may hold the same version with another content: nobody can tell which is right.
   */
  #usableSince = -1
  #lostSessionServer = false
  #working = true

  constructor(world: World, director: SimulatedDirector) {
    this.#world = world
    this.#director = director
    for (let index = 1; index <= world.parameters.sessionServers; index++) {
      this.#startSessionServer(`s-${index}` as ActorName, null)
    }
    for (let index = 1; index <= world.parameters.webServers; index++) {
      director.startWebServer(`web-${index}` as ActorName)
    }
    this.#planNext()
    director.onChange = () => this.#planFollowing()
  }

  /** From here on nothing fails; what is down is started again in time. */
  stop(): void {
    this.#working = false
  }

  /** Whether everything is up again and known to be so. */
  get isOver(): boolean {
    const { webServers, sessionServers } = this.#director
    const { parameters } = this.#world
    return (
      this.#unnoticed === 0 &&
      webServers.length === parameters.webServers &&
      sessionServers.length === parameters.sessionServers
    )
  }

  #planNext(): void {
    const { timeline, random, parameters } = this.#world
    timeline.after(random.between(50, parameters.calmMaxMs), () => {
      if (!this.#working) return
      this.#faultOfChance()
      this.#planNext()
    })
  }

  #planFollowing(): void {
    const { timeline, random } = this.#world
    if (!random.chance(FOLLOWING_FAULT)) return
    timeline.after(random.between(0, FOLLOWING_MAX_MS), () => {
      if (this.#working) this.#faultOfChance()
    })
  }

  #faultOfChance(): void {
    const { random } = this.#world
    const webServer = random.pick(this.#director.webServers)
    const sessionServer = random.pick(this.#director.sessionServers)
    const choice = random.next()
    if (choice < 0.25) this.#crash(webServer)
    else if (choice < 0.4) this.#hang(webServer)
    else if (choice < 0.5) this.#handOver(webServer)
    else if (choice < 0.6) this.#slowDown(sessionServer)
    else if (choice < 0.68) this.#keepImage(sessionServer)
    else this.#lose(sessionServer)
  }

  #crash(server: SimulatedWebServer | undefined): void {
    if (server === undefined || this.#doomed.has(server) || !this.#mayLoseWebServer()) return
    this.#tell(`${server.name} crashes`)
    server.dead = true
    this.#noticeLater(server, 0)
  }

  /** Does nothing for a while, is declared dead, and then maybe goes on for a while as if nothing had been. */
  #hang(server: SimulatedWebServer | undefined): void {
    if (server === undefined || this.#doomed.has(server) || !this.#mayLoseWebServer()) return
    const { timeline, random } = this.#world
    const hangsMs = random.oneOf(0, random.between(1, DETECTION_MAX_MS * 2))
    this.#tell(`${server.name} hangs for ${hangsMs} ms`)
    server.pausedUntil = timeline.now + hangsMs
    this.#noticeLater(server, ZOMBIE_MAX_MS)
  }

  #noticeLater(server: SimulatedWebServer, runsOnMaxMs: number): void {
    const { timeline, random } = this.#world
    this.#doomed.add(server)
    this.#unnoticed++
    timeline.after(random.between(1, DETECTION_MAX_MS), () => {
      this.#unnoticed--
      this.#director.onWebServerDead(server)
      timeline.after(random.between(0, runsOnMaxMs), () => {
        server.dead = true
      })
      timeline.after(random.between(1, RESTART_MAX_MS), () => {
        this.#world.trace('faults', `${server.name} starts again`)
        this.#director.startWebServer(server.name)
      })
    })
  }

  #handOver(server: SimulatedWebServer | undefined): void {
    if (server === undefined) return
    this.#tell(`${server.name} hands over`)
    this.#director.handOver(server)
  }

  #slowDown(server: SimulatedSessionServer | undefined): void {
    if (server === undefined) return
    const { timeline, random } = this.#world
    const slowMs = random.between(10, SLOW_MAX_MS)
    this.#tell(`${server.name} is slow for ${slowMs} ms`)
    server.pausedUntil = timeline.now + slowMs
  }

  #keepImage(server: SimulatedSessionServer | undefined): void {
    if (server !== undefined) this.#images.set(server.name, server.store.image())
  }

  /** A session server dies with its memory, and comes back empty or with an old disk. */
  #lose(server: SimulatedSessionServer | undefined): void {
    if (server === undefined || server.dead || !this.#mayLoseSessionServer()) return
    const { timeline, random } = this.#world
    this.#tell(`${server.name} dies`)
    server.dead = true
    const disk = random.chance(OLD_IMAGE) ? this.#diskOf(server) : null
    this.#unnoticed++
    this.#lostSessionServer = true
    timeline.after(random.between(1, DETECTION_MAX_MS), () => {
      this.#unnoticed--
      if (this.#director.onSessionServerDead(server)) this.#usableSince = timeline.now
      timeline.after(random.between(1, RESTART_MAX_MS), () => this.#startSessionServer(server.name, disk))
    })
  }

  #startSessionServer(name: ActorName, disk: DiskImage | null): void {
    const image = disk !== null && disk.at > this.#usableSince ? disk : null
    this.#world.trace('faults', `${name} starts ${image === null ? 'empty' : 'with an old disk'}`)
    this.#director.onSessionServerUp(new SimulatedSessionServer(this.#world, name, PARTITIONS, image))
  }

  /** Its last moment, or an earlier one. */
  #diskOf(before: SimulatedSessionServer): DiskImage {
    const last = before.store.image()
    return this.#world.random.chance(0.5) ? last : (this.#images.get(before.name) ?? last)
  }

  #mayLoseWebServer(): boolean {
    if (this.#world.parameters.profile === 'storm') return true
    if (this.#unnoticed === 0 && this.#director.table.underCopied() === 0) this.#lostSessionServer = false
    return !this.#lostSessionServer
  }

  #mayLoseSessionServer(): boolean {
    const { profile, copies, sessionServers } = this.#world.parameters
    if (profile === 'storm') return true
    const hasSecondCopy = (copies === 'all' ? sessionServers : copies) > 1
    const { table } = this.#director
    return hasSecondCopy && this.#unnoticed === 0 && table.isServing() && table.underCopied() === 0
  }

  #tell(what: string): void {
    this.count++
    this.#world.trace('faults', what)
  }
}
