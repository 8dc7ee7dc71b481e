/** Lets the planned faults happen, as far as the guarantee covers them where it is to hold, and repairs as a supervisor would. */
import type { Partition } from '../../lib/replication/ids.js'
import { PARTITIONS } from './clients.js'
import { MAIN_HOST } from './clocks.js'
import type { Cluster } from './cluster.js'
import type { Place } from './place.js'
import type { PlannedFault } from './schedule.js'
import type { SimulatedWebServer } from './web-server.js'
import type { World } from './world.js'

/** What a cut, or a slow host, may cause comes so long after it at most, beyond the patience of a gateway, virtual ms. */
const AFTERMATH_MS = 1_000

export class Faults {
  /** Faults that happened. */
  count = 0
  readonly #world: World
  readonly #cluster: Cluster
  readonly #planned: readonly PlannedFault[]
  /** Web servers that something has happened to already: they will be declared dead. */
  readonly #doomed = new Set<SimulatedWebServer>()
  /** A session server was lost, or may be, until then; and after that, until everything is copied again. Virtual ms. */
  #riskUntil = 0
  /** Session servers that may yet be counted as lost, until then, virtual ms. */
  readonly #suspects = new Map<Place, number>()
  #isAtRisk = false
  #changes = 0
  #working = true

  constructor(world: World, cluster: Cluster, planned: readonly PlannedFault[]) {
    this.#world = world
    this.#cluster = cluster
    this.#planned = planned
    for (const fault of planned) {
      if (typeof fault.at === 'number') world.timeline.after(fault.at, () => this.#happen(fault))
    }
    cluster.director.onChange = () => this.#onChange()
  }

  /** From here on nothing fails; what is down is started again in time. */
  stop(): void {
    this.#working = false
  }

  #onChange(): void {
    const change = ++this.#changes
    for (const fault of this.#planned) {
      if (typeof fault.at === 'number' || fault.at.change !== change) continue
      this.#world.timeline.after(fault.at.afterMs, () => this.#happen(fault))
    }
  }

  #happen(fault: PlannedFault): void {
    if (!this.#working) return
    const { director, places } = this.#cluster
    const webServer = at(director.webServers, fault.target)
    const place = at(places, fault.target)
    if (webServer === undefined || place === undefined) return
    switch (fault.kind) {
      case 'crash':
      case 'hang':
        this.#endWebServer(webServer, fault)
        break
      case 'pause':
        this.#tell(() => `${webServer.name} hangs for ${fault.lastsMs} ms, unnoticed`)
        webServer.pausedUntil = this.#world.timeline.now + fault.lastsMs
        break
      case 'hand-over':
        this.#tell(() => `${webServer.name} hands over`)
        director.handOver(webServer)
        break
      case 'slow':
        this.#slowDown(place, fault)
        break
      case 'back-up':
        place.backUp()
        break
      case 'lose':
        this.#lose(place, fault)
        break
      case 'cut':
        this.#cut(place, fault)
        break
      case 'strike':
        this.#strike(webServer, place, fault)
        break
      case 'duplicate':
        if (place.parameters.isRemote && this.#mayLoseSessionServer(place)) {
          this.#tell(() => `the network brings a part to ${place.name} twice`)
          this.#risk(place, AFTERMATH_MS * 2)
          place.wire.duplicatesNext = true
        }
        break
      case 'clock': {
        const host = fault.detectMs % 2 === 0 ? MAIN_HOST : place.host
        this.#tell(() => `the clock of ${host} jumps by ${fault.jumpMs} ms`)
        this.#world.clocks.jump(host, fault.jumpMs)
        break
      }
      case 'restart-all':
        this.#restartAll(fault)
        break
      default:
        fault.kind satisfies never
    }
  }

  /** A hung one does nothing for a while, is declared dead, and then maybe goes on for a while as if nothing had been. */
  #endWebServer(server: SimulatedWebServer, fault: PlannedFault): void {
    if (this.#doomed.has(server) || !this.#mayLoseWebServer()) return
    const { timeline } = this.#world
    if (fault.kind === 'crash') {
      this.#tell(() => `${server.name} crashes`)
      server.dead = true
    } else {
      this.#tell(() => `${server.name} hangs for ${fault.lastsMs} ms`)
      server.pausedUntil = timeline.now + fault.lastsMs
    }
    this.#doomed.add(server)
    this.#cluster.replaceWebServer(server, fault.detectMs, fault.restartMs)
    timeline.after(fault.detectMs + fault.runsOnMs, () => {
      server.dead = true
    })
  }

  /** Whoever waits for another host for too long counts it as lost. */
  #slowDown(place: Place, { lastsMs, detectMs }: PlannedFault): void {
    const { timeline } = this.#world
    const { end, server } = place
    if (end === null || server === null) return
    if (place.parameters.isRemote) {
      if (!this.#mayLoseSessionServer(place)) return
      this.#risk(place, lastsMs)
    }
    const isGateway = end !== server && detectMs % 2 === 0
    this.#tell(() => `${isGateway ? 'the gateway to ' : ''}${place.name} is slow for ${lastsMs} ms`)
    const slowed = isGateway ? end : server
    slowed.pausedUntil = timeline.now + lastsMs
  }

  #lose(place: Place, fault: PlannedFault): void {
    if (place.end === null || !this.#mayLoseSessionServer(place)) return
    this.#tell(() => `${place.name} ends; its disk: ${fault.disk}, open transaction: ${fault.transaction}`)
    this.#risk(place, fault.detectMs)
    place.lose(fault)
  }

  /** What only those two have is lost, should anybody have been told that it is safe. */
  #strike(webServer: SimulatedWebServer, place: Place, fault: PlannedFault): void {
    for (const other of this.#cluster.places) {
      if (other !== place && !other.parameters.isRemote) this.#slowDown(other, fault)
    }
    this.#world.timeline.after(fault.detectMs % 20, () => {
      if (!this.#working) return
      this.#lose(place, fault)
      this.#endWebServer(webServer, { ...fault, kind: 'crash' })
    })
  }

  #cut(place: Place, { direction, lastsMs }: PlannedFault): void {
    if (!place.parameters.isRemote || !this.#mayLoseSessionServer(place)) return
    this.#tell(() => `the network to ${place.name} is cut for ${lastsMs} ms (${direction})`)
    this.#risk(place, lastsMs)
    const until = this.#world.timeline.now + lastsMs
    if (direction !== 'back') place.wire.thereCutUntil = until
    if (direction !== 'there') place.wire.backCutUntil = until
  }

  #restartAll({ transaction, restartMs }: PlannedFault): void {
    if (!this.#mayRestartAll()) return
    this.#tell(() => `the main host ends; open transactions: ${transaction}`)
    this.#doomed.clear()
    this.#risk(null, restartMs)
    this.#cluster.restartAll(transaction, restartMs)
  }

  /** A session server, or any, may be lost by this, until so long from now and until everything is copied again. */
  #risk(place: Place | null, forMs: number): void {
    const { timeline, parameters } = this.#world
    const until = timeline.now + forMs + parameters.gatewayTimeoutMs + AFTERMATH_MS
    this.#isAtRisk = true
    this.#riskUntil = Math.max(this.#riskUntil, until)
    if (place !== null) this.#suspects.set(place, until)
  }

  get #isCalm(): boolean {
    if (this.#world.timeline.now >= this.#riskUntil && this.#cluster.isWhole) this.#isAtRisk = false
    return !this.#isAtRisk && this.#cluster.isWhole
  }

  #mayLoseWebServer(): boolean {
    const { profile, acks } = this.#world.parameters
    if (profile === 'storm' || acks === 'all') return true
    if (acks === 'none') return false
    // Clears the risk when everything is copied again.
    void this.#isCalm
    return !this.#isAtRisk
  }

  /** With `acks: "one"` any one, once everything is copied; with `"all"` any but the last that holds everything. */
  #mayLoseSessionServer(place: Place): boolean {
    const { profile, acks, copies, sessionServers } = this.#world.parameters
    if (profile === 'storm') return true
    if (acks === 'none') return false
    if (acks === 'all')
      return !this.#cluster.isRestarting && PARTITIONS.every(each => this.#keepsCopyWithout(place, each))
    const hasSecondCopy = (copies === 'all' ? sessionServers.length : copies) > 1
    return hasSecondCopy && this.#isCalm && !this.#isAnyDoomed()
  }

  #keepsCopyWithout(place: Place, partition: Partition): boolean {
    const { director, places } = this.#cluster
    const counted = director.countedReplicasOf(partition)
    return places.some(other => {
      const { name, end } = other
      const isSound = end !== null && director.ends.get(name) === end
      const isSuspect = (this.#suspects.get(other) ?? 0) > this.#world.timeline.now
      return other !== place && isSound && !isSuspect && counted.includes(name)
    })
  }

  #mayRestartAll(): boolean {
    const { profile, acks } = this.#world.parameters
    if (this.#cluster.isRestarting) return false
    if (profile === 'storm') return true
    const { places } = this.#cluster
    return (
      acks !== 'none' && this.#isCalm && !this.#isAnyDoomed() && places.every(({ isDurable }) => isDurable)
    )
  }

  /** A web server has ended, or is about to, and its partitions have no other owner yet. */
  #isAnyDoomed(): boolean {
    return this.#cluster.director.webServers.some(server => this.#doomed.has(server))
  }

  #tell(what: () => string): void {
    this.count++
    this.#world.tell('fault', what)
  }
}

function at<T>(items: readonly T[], target: number): T | undefined {
  return items[Math.floor(target * items.length)]
}
