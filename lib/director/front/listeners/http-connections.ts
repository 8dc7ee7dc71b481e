/** What listeners do with the front's HTTP server, which never listens itself. */
import type { Duplex } from 'node:stream'

/** A node:http server that is handed its connections. */
export interface HttpConnections {
  /** Serves this connection (documented by node:http); a file descriptor is not needed. */
  emit(event: 'connection', socket: Duplex): boolean
  /** Begins to look for requests that are late, as it would on its own listening. */
  emit(event: 'listening'): boolean
}
