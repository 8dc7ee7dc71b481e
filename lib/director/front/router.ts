/** What the front needs to know of the cluster: who owns a partition, and how to reach a web server. */
import type { Partition } from '../../replication/ids.js'
import type { ToWebServer } from '../../transport/exchange-messages.js'

/** A web server as the front sees it: one object for the life of its thread. */
export interface WebServerLink {
  readonly name: string
  /** Exchanges that this web server has not finished. Kept by the front alone. */
  inFlight: number
  /** Queues a message for this tick's batch. @param transfer see `BatchedPort.post` */
  post(message: ToWebServer, transfer?: ArrayBuffer): void
}

/** Answers at once from the partition table; null lets the request wait for {@link Config.listen.parkTimeoutMs}. */
export interface Router {
  /** @returns the web server that owns the partition, null while it has none */
  ownerOf(partition: Partition): WebServerLink | null
  /** @returns the web server with the fewest requests in flight, null while there is none */
  leastBusy(): WebServerLink | null
}
